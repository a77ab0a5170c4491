"""The way up to the server: messages in order, and on a line with jitter not always at once."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Awaitable, Callable

HOLD_UPS = 0.02
"""How likely a hold-up begins in a frame: one a second."""


class Uplink:
    """Sends by `send`. The network between is TCP: it delays, it neither loses nor reorders."""

    def __init__(self, send: Callable[[str], Awaitable[None]], jitter_ms: int, seed: int) -> None:
        self._send = send
        self._jitter_ms = jitter_ms
        self._random = random.Random(seed)  # noqa: S311
        self._held: deque[str] = deque()
        self._held_until = 0.0

    async def send(self, message: str) -> None:
        """Send it, or keep it behind what is held up."""
        self._held.append(message)
        if not self._held_until:
            await self.flush()

    async def beat(self, now_ms: float) -> None:
        """20 ms have passed: a hold-up may begin, or be over."""
        if self._held_until:
            if now_ms >= self._held_until:
                await self.flush()
        elif self._jitter_ms and self._random.random() < HOLD_UPS:
            self._held_until = now_ms + self._random.uniform(0, self._jitter_ms)

    async def flush(self) -> None:
        """Everything that was held up goes out."""
        self._held_until = 0.0
        while self._held:
            await self._send(self._held.popleft())
