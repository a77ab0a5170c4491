"""What Twilio would warn about, by the number its console shows."""

from __future__ import annotations

import msgspec

MAX_VIOLATIONS = 100
"""A server that is wrong is wrong fifty times a second."""


class Violation(msgspec.Struct, frozen=True):
    """One entry of Twilio's debugger. `code` is Twilio's (twilio.com/docs/api/errors)."""

    code: int
    detail: str

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class ViolationError(Exception):
    """A violation after which Twilio does not go on with what it was doing."""

    def __init__(self, code: int, detail: str) -> None:
        self.violation = Violation(code, detail)
        super().__init__(str(self.violation))
