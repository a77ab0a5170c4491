"""When to leave a provider alone, and when to try it again. No I/O."""

from __future__ import annotations

FIRST_COOL_DOWN_SECONDS = 5.0
"""After one failure: a caller has just waited for it, and the next one should not have to."""
LONGEST_COOL_DOWN_SECONDS = 300.0


class CircuitBreaker:
    """Open after a failure, for a time that doubles with each one that follows; closed by a success.

    When that time is over one attempt is let through, not all at once: the others go on elsewhere until it
    has worked. Times are seconds of a monotonic clock.
    """

    def __init__(
        self, first: float = FIRST_COOL_DOWN_SECONDS, longest: float = LONGEST_COOL_DOWN_SECONDS
    ) -> None:
        self._first = first
        self._longest = longest
        self._cool_down = 0.0
        self._open_until = 0.0
        self._failed_at = float("-inf")

    def is_open(self, now: float) -> bool:
        """Whether it is to be left alone now."""
        return now < self._open_until

    def allows(self, now: float) -> bool:
        """Whether to try it. While it is under suspicion a yes counts as the one attempt."""
        if self.is_open(now):
            return False
        self._open_until = now + self._cool_down
        return True

    def failed(self, began: float, now: float) -> None:
        """An attempt that began then has failed. Those that were under way when it was already known to
        fail, a call each, do not count again."""
        if began < self._failed_at:
            return
        self._failed_at = now
        self._cool_down = min(max(2 * self._cool_down, self._first), self._longest)
        self._open_until = now + self._cool_down

    def worked(self, began: float) -> None:
        """An attempt that began then has worked. One from before the last failure proves nothing."""
        if began >= self._failed_at:
            self._cool_down = self._open_until = 0.0
