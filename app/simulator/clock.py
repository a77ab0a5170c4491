"""The 20 ms beat of a call, on an absolute schedule: a late frame does not delay the next."""

from __future__ import annotations

import asyncio

from app.simulator.wire import FRAME_MS


class FrameClock:
    """Beats since it was made. After a stall the beats that are due come at once, and no others."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._zero = self._loop.time()
        self._beats = 0

    def now_ms(self) -> float:
        """Real time since the first beat was due."""
        return (self._loop.time() - self._zero) * 1000

    def behind(self) -> bool:
        """Whether the next beat is due already."""
        return self.now_ms() >= self._beats * FRAME_MS

    async def beat(self) -> float:
        """Wait for the next beat. Returns how late it is, in milliseconds."""
        # Sleeping for no time at all still lets others run.
        await asyncio.sleep(max(0.0, self._beats * FRAME_MS - self.now_ms()) / 1000)
        late = self.now_ms() - self._beats * FRAME_MS
        self._beats += 1
        return late
