"""A judge that works beside the calls: in the event loop, its 11 ms would make others' next frames late."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from app.services.listening.model import TaughtListening


class ThreadedListening:
    """See `Listening`. One for all calls. A call has one question at a time, so the queue is short."""

    def __init__(self, judge: TaughtListening) -> None:
        self._judge = judge
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="listening")

    async def only_listens(self, audio: bytes, voice_seconds: float) -> float:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._judge.only_listens, audio, voice_seconds)
