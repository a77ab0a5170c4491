"""What a recogniser has to tell about one call, until it is read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from app.services.speech_to_text.interface import Interim, RecognitionError, RecognitionEvent


class EventQueue:
    """Bounded by speech: a new interim takes the place of an unread one, the rest is a few a second."""

    def __init__(self) -> None:
        self.ended = False
        self._error: RecognitionError | None = None
        self._events: deque[RecognitionEvent] = deque()
        self._news = asyncio.Event()

    def put(self, event: RecognitionEvent) -> None:
        if self.ended:
            return
        if isinstance(event, Interim) and self._events and isinstance(self._events[-1], Interim):
            self._events.pop()
        self._events.append(event)
        self._news.set()

    def end(self, error: RecognitionError | None = None) -> None:
        """Nothing will follow. What is unread can still be read; then the iteration ends, or raises."""
        if not self.ended:
            self.ended = True
            self._error = error
            self._news.set()

    async def __aiter__(self) -> AsyncIterator[RecognitionEvent]:
        while True:
            while self._events:
                yield self._events.popleft()
            if self.ended:
                if self._error:
                    raise self._error
                return
            self._news.clear()
            await self._news.wait()
