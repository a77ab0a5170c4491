"""What has come on the sockets of all calls waits its turn: a slice of one of them, then everything else.

Frames come fifty times a second and may wait; the words of a model and the audio of a voice come once, with
a caller waiting for them. Taken as they come, the frames of all calls pile up before each step of an answer:
of 50 calls, one turn in twenty then took the server 30 to 38 ms instead of 22 to 23 (benchmarks/turns.py).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Slices:
    """An event loop's queue of slices, one an iteration."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def add(self, take: Callable[[], None]) -> None:
        """Have a slice taken, after those that wait already."""
        self._waiting.append(take)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        try:
            # It keeps its place meanwhile: what it adds must not begin a second round.
            self._waiting[0]()
        finally:
            self._waiting.popleft()
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._next)
