"""A reply while it is being generated: what is still to be said, and how the call ends after it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Literal

from app.services.language_model import HangUp, Item, ReplyEvent, SaveItem, Say, Transfer
from app.services.language_model.clauses import Clauses

Ending = Literal["agent_hung_up", "transferred"]


class Reply:
    """Clauses to speak, filled by the language model while the voice empties it.

    Both sides are cancelled when the caller interrupts; what is left in here then can still be said, should
    the interruption turn out to be a cough.
    """

    def __init__(self) -> None:
        self.unspoken: deque[str] = deque()
        """Clauses that no voice has begun."""
        self.ending: Ending | None = None
        """What follows once everything has been heard."""
        self.complete = False
        """Whether the model has nothing to add."""
        self._clauses = Clauses()
        self._news = asyncio.Event()

    async def fill(
        self,
        events: AsyncGenerator[ReplyEvent, None],
        on_words: Callable[[], None],
        on_item: Callable[[Item], None],
    ) -> None:
        """Take what the model says and does, as fast as it comes."""
        async with aclosing(events):
            async for event in events:
                match event:
                    case Say():
                        on_words()
                        self.add(self._clauses.feed(event.text))
                    case SaveItem():
                        on_item(event.item)
                    case HangUp():
                        self.ending = "agent_hung_up"
                    case Transfer():
                        self.ending = "transferred"
        self.close()

    def add(self, clauses: list[str]) -> None:
        """More to say."""
        self.unspoken += clauses
        self._news.set()

    def close(self) -> None:
        """Nothing more will come."""
        self.complete = True
        self.add(self._clauses.flush())

    async def next_clause(self) -> str | None:
        """The next clause to speak, as soon as there is one; None after the last."""
        while not self.unspoken:
            if self.complete:
                return None
            self._news.clear()
            await self._news.wait()
        return self.unspoken.popleft()
