"""Log lines that strangers can cause: a few a minute, however hard they try."""

from __future__ import annotations

import logging
import time

from app.limits.rates import TokenBucket

LINES_A_MINUTE = 30


class Quietly:
    """Says which lines may be written, and with the next one how many were not."""

    def __init__(self, lines_a_minute: int = LINES_A_MINUTE) -> None:
        self._bucket = TokenBucket(lines_a_minute / 60, lines_a_minute)
        self._unsaid = 0

    def suffix(self, now: float) -> str | None:
        """What to add to a line that may be written; None for one that may not."""
        if not self._bucket.take(now):
            self._unsaid += 1
            return None
        unsaid, self._unsaid = self._unsaid, 0
        return f" ({unsaid} more like this were not logged)" if unsaid else ""


class QuietLog:
    """Warnings of one kind to one logger."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._quietly = Quietly()

    def warning(self, message: str, *values: object) -> None:
        if (suffix := self._quietly.suffix(time.monotonic())) is not None:
            self._log.warning(f"{message}%s", *values, suffix)


class QuietFilter(logging.Filter):
    """The same for a library's logger. Errors always pass."""

    def __init__(self) -> None:
        super().__init__()
        self._quietly = Quietly()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            return True
        suffix = self._quietly.suffix(time.monotonic())
        if suffix:
            record.msg = f"{record.msg}{suffix}"
        return suffix is not None
