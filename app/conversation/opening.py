"""How a call begins: with the greeting, or, where a machine has answered, with a message and no more.

Who has answered a call that we placed is found out by Twilio while the call goes on already; the verdict on a
person takes two to four seconds, the one on a machine comes with the beep at the end of its announcement.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Literal, get_args

from app.services.language_model import HangUp, ReplyEvent, Say

AnsweredBy = Literal[
    "human", "machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax", "unknown"
]
"""Twilio's verdicts (Answering Machine Detection, parameter AnsweredBy)."""

VERDICTS: dict[str, AnsweredBy] = {verdict: verdict for verdict in get_args(AnsweredBy)}
"""By their names on the wire."""

PEOPLE = frozenset({"human", "unknown"})
"""Who is greeted. A person who is taken for a machine is the worse mistake: an unknown is a person."""

VERDICT_SECONDS = 4.5
"""How long the greeting is held: a verdict on a person takes 2 to 4 s; nobody waits for longer."""


class Opening:
    """What is said first. Held until it is known who has answered, or has taken too long to find out."""

    def __init__(
        self,
        greeting: str,
        *,
        message: str = "",
        verdict: asyncio.Future[AnsweredBy] | None = None,
        patience: float = VERDICT_SECONDS,
    ) -> None:
        """`message` is for machines; empty: they are told nothing. Without a `verdict` to come, everybody is
        greeted at once."""
        self._greeting = greeting
        self._message = message
        self._verdict = verdict
        self._patience = patience
        self._decided = asyncio.Event()
        self._greeted_unseen = False
        """The verdict took too long, and may still come."""
        self._machine = False

    @property
    def held(self) -> bool:
        """Whatever is heard, do not take it for a turn: nobody knows yet who is there, or it is a machine."""
        return self._machine or (self._verdict is not None and not self._decided.is_set())

    @property
    def undecided(self) -> bool:
        """Whether somebody was greeted unseen, and it is not known yet who."""
        return self._greeted_unseen and self._verdict is not None and not self._verdict.done()

    @property
    def may_be_machine(self) -> bool:
        """Whether what is heard may be an announcement, and means nothing."""
        return self.undecided or (self._greeted_unseen and self._is_machine())

    def _is_machine(self) -> bool:
        verdict = self._verdict
        return verdict is not None and verdict.done() and verdict.result() not in PEOPLE

    async def turns_out(self, seconds: float) -> bool:
        """Wait so long for a late verdict. Whether it is a machine."""
        if self._verdict is not None and self.undecided:
            await asyncio.wait([self._verdict], timeout=seconds)
        return self._is_machine()

    async def begin(self) -> AsyncGenerator[ReplyEvent, None]:
        """The first words, once it is time for them; after them, to a machine, the end of the call."""
        answered_by: AnsweredBy = "human"
        if self._verdict is not None:
            # wait(), unlike timeout(), leaves the verdict alone.
            await asyncio.wait([self._verdict], timeout=self._patience)
            if self._verdict.done():
                answered_by = self._verdict.result()
            else:
                self._greeted_unseen = True
        self._machine = answered_by not in PEOPLE
        self._decided.set()
        if not self._machine:
            yield Say(self._greeting)
            return
        async for event in self.leave_message(answered_by):
            yield event

    async def mistaken(self) -> AnsweredBy | None:
        """Which machine was greeted as a person, as soon as a late verdict says so. None: none was.

        Say what `leave_message` gives then, and nothing else. This waits for `begin`, and perhaps for the
        verdict after it: run it beside the talk and cancel it with the talk.
        """
        await self._decided.wait()
        if self._verdict is None or not self._greeted_unseen:
            return None
        answered_by = await asyncio.shield(self._verdict)
        self._machine = answered_by not in PEOPLE
        return answered_by if self._machine else None

    async def leave_message(self, answered_by: AnsweredBy) -> AsyncGenerator[ReplyEvent, None]:
        """The message, then the end of the call. A fax is told nothing."""
        if self._message and answered_by != "fax":
            yield Say(self._message)
        yield HangUp()
