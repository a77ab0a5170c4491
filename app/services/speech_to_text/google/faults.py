"""What Google's errors mean, what to do about them, and for how long. No I/O.

The table is the one of Google's error documentation as met in practice in 2026; texts are matched before
codes, because v1 reports a stream that is too old as OUT_OF_RANGE, whose HTTP relative (400) is fatal.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import grpc


class Fault(Enum):
    TOO_OLD = "too_old"
    """The stream has lasted for as long as one may: go on with another at once."""
    IDLE = "idle"
    """The stream was closed for want of audio: open another."""
    PASSING = "passing"
    """It will get better: back off, open another."""
    UNTOLD = "untold"
    """Google's reason was lost: open another, and let it be refused before audio is sent."""
    QUOTA = "quota"
    """It may get better: back off for longer."""
    FATAL = "fatal"
    """It will not get better."""


LOST = "internal error from core"
"""What grpc.aio (1.85) reports in place of the server's status if a write fails before it has come."""
TEXTS = (
    (LOST, Fault.UNTOLD),
    ("max duration", Fault.TOO_OLD),
    ("stream duration", Fault.TOO_OLD),
    ("305 seconds", Fault.TOO_OLD),
    ("without audio", Fault.IDLE),
    ("no more client requests", Fault.IDLE),
)
TEXTS_MEAN = (
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
)
CODES = {
    grpc.StatusCode.OUT_OF_RANGE: Fault.TOO_OLD,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Fault.QUOTA,
    grpc.StatusCode.PERMISSION_DENIED: Fault.FATAL,
    grpc.StatusCode.UNAUTHENTICATED: Fault.FATAL,
    grpc.StatusCode.NOT_FOUND: Fault.FATAL,
    grpc.StatusCode.INVALID_ARGUMENT: Fault.FATAL,
    grpc.StatusCode.FAILED_PRECONDITION: Fault.FATAL,
    grpc.StatusCode.UNIMPLEMENTED: Fault.FATAL,
}
"""All others pass."""
BY_NUMBER: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


@dataclass(frozen=True, slots=True)
class Failure:
    """How a stream ended before its time; `reason` is for a person."""

    fault: Fault
    reason: str


def failure(code: grpc.StatusCode, message: str | None) -> Failure:
    """Judge a gRPC status."""
    text = message or ""
    fault = CODES.get(code, Fault.PASSING)
    if code in TEXTS_MEAN:
        lower = text.lower()
        fault = next((fault for part, fault in TEXTS if part in lower), fault)
    return Failure(fault, f"Google says {code.name}: {text}")


FIRST_DELAY = {Fault.QUOTA: 0.5}
"""Seconds; others begin with a tenth."""


class Patience:
    """How long to wait before the next attempt, and when to give up: after `seconds`
    without a working stream.

    A stream has worked if it brought a final, or was connected for `seconds`.
    """

    def __init__(self, seconds: float, jitter: Callable[[], float] = random.random) -> None:
        self._seconds = seconds
        self._jitter = jitter
        self._attempts = 0
        self._since: float | None = None
        self.reason = ""
        """Why no stream works, for a person: what was last told, since one that was lost tells nothing."""

    def failed(
        self, failed: Failure, now: float, *, opened: float, connected: float | None, progressed: bool
    ) -> float | None:
        """A stream has failed. Returns the seconds to wait before the next, None to give up."""
        fault = failed.fault
        worked = progressed or (connected is not None and now - connected >= self._seconds)
        if fault is not Fault.UNTOLD or worked or not self.reason:
            self.reason = failed.reason
        if fault is Fault.FATAL:
            return None
        if worked:
            self._attempts, self._since = 0, now
        elif self._since is None:
            self._since = opened
        # Half to all of a delay that doubles, so that calls that failed together do not return together.
        delay = FIRST_DELAY.get(fault, 0.1) * 2**self._attempts * (1 + self._jitter()) / 2
        if self._attempts == 0 and fault in (Fault.TOO_OLD, Fault.IDLE):
            delay = 0.0
        self._attempts += 1
        return delay if now + delay - self._since < self._seconds else None
