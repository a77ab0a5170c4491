"""What a stream begins with: a greeting, or what an earlier stream of its call has left."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec

from app.conversation.opening import PEOPLE
from app.conversation.transcript import TranscriptLine
from app.services.language_model import Item
from app.settings import Settings
from app.store.lookups import look_up
from app.store.queries import Queries
from app.store.records import ResumeState
from app.store.writer import Writer

CUT_OFF_REASONS = (None, "connection_lost", "server_lost", "server_stopped", "error")
"""Ways for a stream to end that are not the end of the conversation. None: it ended unnoticed."""

CUT_OFF = "Sorry, we were cut off for a moment. Where were we?"

NOBODY_ANSWERED = "I'm sorry, nobody could answer just now. I can take a message. What should it say?"

START_OF_2026 = 1_767_225_600
"""Seconds since then are larger than any count of lines, and fit into PostgreSQL's integer until 2094."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a stream begins with."""

    user_id: str | None
    history: tuple[TranscriptLine, ...]
    first_seq: int
    """The number of its first line, above those of the lines that there are."""
    first_words: str
    items: tuple[Item, ...]
    """What its user has noted, in the caller's own time."""
    perhaps_machine: bool
    """We have called, and Twilio has not said that a person has answered."""


class Beginnings:
    """Looks them up; without the database, a call begins as if it were new."""

    def __init__(self, settings: Settings, writer: Writer, queries: Queries) -> None:
        self._settings = settings
        self._writer = writer
        self._queries = queries

    async def of(self, call_sid: str, user_id: str | None) -> Beginning:
        """That of the next stream of this call. `user_id`: where the stream itself says it."""
        known = await look_up(self._past(call_sid, user_id), None)
        past, items = known or (None, ())
        history = msgspec.convert(
            past.lines if past else (), tuple[TranscriptLine, ...], from_attributes=True
        )
        # Lines of an earlier stream may be in a database that does not answer, or in the spool of a server
        # that died before it could write how the stream ended: do not write over them.
        all_known = known and not (past and past.incomplete)
        return Beginning(
            user_id or (past.user_id if past else None),
            history,
            0 if all_known else int(time.time()) - START_OF_2026,
            self._first_words(past),
            items,
            # Others may have placed it, and wait for no verdict.
            perhaps_machine=past is not None
            and (past.greeting is not None or past.answered_by is not None)
            and past.answered_by not in PEOPLE,
        )

    async def _past(self, call_sid: str, user_id: str | None) -> tuple[ResumeState | None, tuple[Item, ...]]:
        # The last lines of an earlier stream may still wait to be written.
        await self._writer.flushed()
        past = await self._queries.resume_state(call_sid)
        user_id = user_id or (past.user_id if past else None)
        items = await self._queries.open_items(user_id) if user_id else []
        return past, tuple(
            msgspec.structs.replace(item, due_at=item.due_at and item.due_at.astimezone(self._settings.zone))
            for item in (*items, *(past.items if past else ()))
        )

    def _first_words(self, past: ResumeState | None) -> str:
        if past is not None and past.end_reason == "transfer_failed":
            return NOBODY_ANSWERED
        if past is not None and past.lines and past.end_reason in CUT_OFF_REASONS:
            return CUT_OFF
        return (past.greeting if past else None) or self._settings.agent_greeting
