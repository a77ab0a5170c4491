"""Rates, as plain values: fed a clock, they say yes or no. No I/O."""

from __future__ import annotations

from collections import OrderedDict, deque

MOST_KEYS = 4096
"""Addresses remembered at once; the one unheard of for longest goes first. With 60 times each, 8 MB."""


class TokenBucket:
    """Lets `rate` a second pass, and up to `capacity` at once after a pause. It is full, or empty since a
    moment."""

    __slots__ = ("_capacity", "_level", "_rate", "_seen")

    def __init__(self, rate: float, capacity: float, empty_at: float | None = None) -> None:
        self._rate = rate
        self._capacity = capacity
        self._level = capacity if empty_at is None else 0.0
        self._seen = empty_at or 0.0

    def take(self, now: float) -> bool:
        """Whether one more may pass at `now` (seconds on a clock that never goes back)."""
        level = min(self._capacity, self._level + (now - self._seen) * self._rate)
        self._seen = now
        if level < 1:
            self._level = level
            return False
        self._level = level - 1
        return True


class SlidingWindow:
    """At most `most` for each key within any `seconds`, for a bounded number of keys."""

    def __init__(self, most: int, seconds: float, most_keys: int = MOST_KEYS) -> None:
        self._most = most
        self._seconds = seconds
        self._most_keys = most_keys
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._times)

    def take(self, key: str, now: float) -> bool:
        """Whether one more may pass. One that may not does not count."""
        times = self._times.setdefault(key, deque())
        self._times.move_to_end(key)
        if len(self._times) > self._most_keys:
            self._times.popitem(last=False)
        while times and times[0] <= now - self._seconds:
            times.popleft()
        if len(times) >= self._most:
            return False
        times.append(now)
        return True

    def give_back(self, key: str) -> None:
        """One that passed has proved to be no stranger: it does not count any more."""
        if times := self._times.get(key):
            times.pop()
            if not times:
                del self._times[key]
