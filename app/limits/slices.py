"""What has come on the sockets of all calls waits its turn, a slice of one of them after another.

Frames come fifty times a second and may wait; the words of a model and the audio of a voice come once, with
a caller waiting for them. Taken as they come, the frames of all calls pile up before each step of an answer:
of 50 calls, one turn in twenty then took the server 30 to 38 ms instead of 22 to 23 (benchmarks/turns.py).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

LATE_SECONDS = 0.02
"""A slice that has waited for a frame's time is late."""
MOST_SECONDS = 0.002
"""For so long at most an iteration takes late ones: what they set going is others' work in the next."""


class Slices:
    """An event loop's queue of slices.

    An iteration of the loop takes one, so that an answer waits for one at a time; and those that are late, so
    that a loop that is busy with other things does not fall behind.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        """Since when, and what."""
        self._is_due = False

    def add(self, take: Callable[[], None]) -> None:
        """Have a slice taken, after those that wait already."""
        self._waiting.append((self._clock(), take))
        if not self._is_due:
            self._give_way()

    def _give_way(self) -> None:
        self._is_due = True
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        now = self._clock()
        until = now + MOST_SECONDS
        try:
            self._take()
            while self._waiting and now < until and self._waiting[0][0] <= now - LATE_SECONDS:
                self._take()
                now = self._clock()
        finally:
            self._is_due = False
            if self._waiting:
                self._give_way()

    def _take(self) -> None:
        _, take = self._waiting.popleft()
        take()
