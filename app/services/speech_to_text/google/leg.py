"""One RPC of a call: from where in the call it hears, and how far it has come."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from app.services.speech_to_text.google.requests import Result
from app.services.speech_to_text.google.rollover import Timeline
from app.services.speech_to_text.tail import BYTES_PER_MS


class Leg:
    """The state of one RPC. Seconds are the event loop's or `time.monotonic`'s."""

    def __init__(self, position: int, opened: float, *, careful: bool = False) -> None:
        """`position`: of its first byte in the call. `careful`: it may be refused, audio can wait."""
        self.timeline = Timeline(position)
        self.since_ms = position / BYTES_PER_MS
        """In the call: where its last final ended."""
        self.opened = opened
        self.careful = careful
        self.connected: float | None = None
        self.unreachable = False
        """Its channel got no connection, or has no room for it."""
        self.answered = opened
        """When its last response came."""
        self.answered_voice_ms = 0
        """How much of a voice there had been in the call by then."""
        self.progressed = False
        """It has brought a final."""
        self.cut_ms: float | None = None
        """In the call: where its audio was cut off to go on with another leg."""
        self.was_cut = asyncio.Event()
        self.was_replaced = asyncio.Event()
        """The next leg has all the audio: this one may be told that none will follow."""
        self.half_closed = False
        self.wants_silence = False
        self.patience: asyncio.Timeout | None = None

    def age(self, now: float) -> float:
        """Seconds, by the clock or by the audio, whichever is more."""
        return max(now - self.opened, self.timeline.size / BYTES_PER_MS / 1000)

    def cut(self) -> None:
        """Send no more audio; another leg goes on."""
        self.cut_ms = self.timeline.position / BYTES_PER_MS
        self.was_cut.set()

    def expect_within(self, seconds: float | None) -> None:
        """Wait for the next response for so long; None: for ever."""
        if self.patience and not self.patience.expired():
            loop = asyncio.get_running_loop()
            self.patience.reschedule(None if seconds is None else loop.time() + seconds)

    def in_call(self, result: Result) -> Result:
        """A result with the call's times."""
        at = self.timeline.call_ms
        words = tuple(replace(w, start_ms=at(w.start_ms), end_ms=at(w.end_ms)) for w in result.words)
        return replace(result, end_ms=at(result.end_ms), words=words)
