"""Which recogniser is left alone for a while. No I/O."""

from __future__ import annotations

COOL_DOWN_SECONDS = 30.0
"""A provider's incident lasts for minutes; a stream tried every half minute notices its end soon enough."""


class Breaker:
    """Closed: it is used. Open, after a failure: not before it has cooled down, and then by one stream at a
    time, until one works."""

    def __init__(self, cool_down: float = COOL_DOWN_SECONDS) -> None:
        self._cool_down = cool_down
        self._open_until: float | None = None
        self._failed_at = 0.0

    def allows(self, now: float) -> bool:
        """Whether to use it now. Who is told so while it is open is the one who tries."""
        if self._open_until is None:
            return True
        if now < self._open_until:
            return False
        self._open_until = now + self._cool_down
        return True

    def failed(self, now: float) -> None:
        self._failed_at = now
        self._open_until = now + self._cool_down

    def worked(self, opened: float) -> None:
        """A stream opened at `opened` works. One from before the failure proves nothing."""
        if opened >= self._failed_at:
            self._open_until = None
