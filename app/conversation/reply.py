"""A reply while it is being made: what is to be said, what counts once it is heard, what follows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Literal

from app.conversation.latency import TurnLatency
from app.services.language_model import GoOn, HangUp, Item, ReplyEvent, SaveItem, Say, Transfer
from app.services.language_model.clauses import Clauses

Ending = Literal["agent_hung_up", "transferred"]

NOTHING_LEFT = "Sorry, could you say that again?"
"""Where a reply is to go on with what was cut, and all of that was heard or is lost."""


class Reply:
    """Clauses to speak, filled by the language model while the voice empties it.

    It may be made in advance: nothing of it is heard before it is `allowed`. Both sides are cancelled when
    the caller interrupts; what is left in here then can still be said, should the interruption turn out to be
    a cough.
    """

    def __init__(self, *, is_answer: bool = False, voice_ended_ms: int = 0) -> None:
        """`voice_ended_ms`: when the caller whom it answers fell silent, on the line's clock."""
        self.is_answer = is_answer
        self.voice_ended_ms = voice_ended_ms
        self.unspoken: deque[str] = deque()
        """Clauses of which nothing has been sent."""
        self.cut: tuple[ReplyEvent, ...] = ()
        """What the caller cut off before it; it may go on with that."""
        self.items: list[Item] = []
        """To be kept once something of the reply has been heard."""
        self.ending: Ending | None = None
        """What follows once everything has been heard."""
        self.complete = False
        """Whether the model has nothing to add."""
        self.begun = False
        """Whether anything of it has been sent."""
        self.in_clause = False
        """Whether a clause has been sent in part."""
        self.latency = TurnLatency()
        self._allowed = asyncio.Event()
        self._clauses = Clauses()
        self._news = asyncio.Event()

    async def fill(self, events: AsyncGenerator[ReplyEvent, None], on_words: Callable[[], None]) -> None:
        """Take what the model says and does, as fast as it comes."""
        async with aclosing(events):
            async for event in events:
                self._take(event, on_words)
        self.close()

    def _take(self, event: ReplyEvent, on_words: Callable[[], None]) -> None:
        match event:
            case Say():
                on_words()
                self.add(self._clauses.feed(event.text))
            case SaveItem():
                self.items.append(event.item)
            case HangUp():
                self.ending = "agent_hung_up"
            case Transfer():
                self.ending = "transferred"
            case GoOn():
                for rest in self.cut or (Say(NOTHING_LEFT),):
                    self._take(rest, on_words)

    def add(self, clauses: list[str]) -> None:
        """More to say, unless it is complete."""
        if not self.complete:
            self.unspoken += clauses
            self._news.set()

    def only(self, clauses: Sequence[str]) -> None:
        """Say this, and nothing else that was to come."""
        self.unspoken = deque(clauses)
        self.complete = True
        self._news.set()

    def close(self) -> None:
        """Nothing more will come."""
        self.add(self._clauses.flush())
        self.complete = True
        self._news.set()

    async def next_clause(self) -> str | None:
        """The next clause to speak, as soon as there is one; None after the last. It stays the next one until
        it is taken: a caller may interrupt before anything of it has been sent."""
        while not self.unspoken:
            if self.complete:
                return None
            self._news.clear()
            await self._news.wait()
        return self.unspoken[0]

    def take_clause(self) -> None:
        """The next clause is being sent, or cannot be spoken."""
        self.unspoken.popleft()

    @property
    def is_sent(self) -> bool:
        """Whether all of it has been sent."""
        return self.complete and not self.unspoken and not self.in_clause

    @property
    def is_allowed(self) -> bool:
        """Whether it may be heard now."""
        return self._allowed.is_set()

    def allow(self) -> None:
        """It may be heard."""
        self._allowed.set()

    def hold(self) -> None:
        """Not yet, after all."""
        self._allowed.clear()

    async def allowed(self) -> None:
        """Wait until it may be heard."""
        # Between being woken and running, it may have been held again.
        while not self._allowed.is_set():
            await self._allowed.wait()

    def rest(self, unheard: str) -> tuple[ReplyEvent, ...]:
        """What it still had to say when it was cut, and how it would have ended the call."""
        said = tuple(Say(f"{text} ") for text in (unheard, *self.unspoken) if text)
        match self.ending:
            case "agent_hung_up":
                return (*said, HangUp())
            case "transferred":
                return (*said, Transfer())
        return said


async def saying(*events: ReplyEvent) -> AsyncGenerator[ReplyEvent, None]:
    """A reply that is known beforehand."""
    for event in events:
        yield event


async def in_turn(*replies: AsyncGenerator[ReplyEvent, None]) -> AsyncGenerator[ReplyEvent, None]:
    """One reply after another, as one."""
    for reply in replies:
        async with aclosing(reply) as events:
            async for event in events:
                yield event
