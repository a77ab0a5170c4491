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

MOST_SECONDS = 0.002
"""Slices of one iteration stop after this: what they set going is others' work in the next one."""


class Slices:
    """An event loop's queue of slices.

    An iteration of the loop takes one, and more where the loop was busy with other things: as long as those
    took, within MOST_SECONDS. So an answer waits for few of them, and a busy loop does not fall behind them.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_due = False
        self._gave_way_at = 0.0

    def add(self, take: Callable[[], None]) -> None:
        """Have a slice taken, after those that wait already."""
        self._waiting.append(take)
        if not self._is_due:
            self._give_way()

    def _give_way(self) -> None:
        self._is_due = True
        self._gave_way_at = self._clock()
        asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        began = self._clock()
        until = began + min(began - self._gave_way_at, MOST_SECONDS)
        try:
            self._waiting.popleft()()
            while self._waiting and self._clock() < until:
                self._waiting.popleft()()
        finally:
            self._is_due = False
            if self._waiting:
                self._give_way()
