"""What programs read from the database, and what they may erase."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Row, Select, delete, false, func, or_, select

from app.live.messages import Changed
from app.services.language_model.interface import Item
from app.store.database import Database
from app.store.records import CallRecord, LineRecord, ResumeState, SummaryRecord
from app.store.tables import call_items, call_summaries, calls, phone_numbers, transcript_lines
from app.store.writes import notify, storable

OPEN_ITEMS = 20
"""What one caller can hear read out; older ones are still in the API."""

T = TypeVar("T")

BEGAN = func.coalesce(calls.c.started_at, calls.c.created_at)
CALL = [calls.c[name] for name in CallRecord.__struct_fields__ if name in calls.c]
LINE = [transcript_lines.c[name] for name in LineRecord.__struct_fields__]
ITEM = [call_items.c[name] for name in Item.__struct_fields__]
SUMMARY = [call_summaries.c[name] for name in SummaryRecord.__struct_fields__]


class Queries:
    """Reads, each in a transaction of its own, and the erasure. What a writer still holds is not seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_call(self, call_sid: str) -> CallRecord | None:
        rows = await self._fetch(select(*CALL).where(_is(calls.c.call_sid, call_sid)), CallRecord)
        return rows[0] if rows else None

    async def list_calls(
        self, user_id: str | None = None, limit: int = 50, before: datetime | None = None
    ) -> list[CallRecord]:
        """Newest first; those that began before `before`."""
        query = select(*CALL).order_by(BEGAN.desc(), calls.c.call_sid).limit(limit)
        if user_id is not None:
            query = query.where(_is(calls.c.user_id, user_id))
        if before is not None:
            query = query.where(before > BEGAN)
        return await self._fetch(query, CallRecord)

    async def get_lines(
        self, call_sid: str, *, final_only: bool = False, after_revision: int = 0
    ) -> list[LineRecord]:
        """A call's lines in the order of `seq`.

        With `final_only`, those that became final after revision `after_revision`, in that order.
        """
        query = select(*LINE).where(_is(transcript_lines.c.call_sid, call_sid))
        if final_only:
            query = query.where(transcript_lines.c.is_final, transcript_lines.c.revision > after_revision)
            query = query.order_by(transcript_lines.c.revision)
        return await self._fetch(query.order_by(transcript_lines.c.seq), LineRecord)

    async def get_items(self, call_sid: str) -> list[Item]:
        """Everything noted on a call, oldest first, drafts and cancelled ones included."""
        query = select(*ITEM).where(_is(call_items.c.call_sid, call_sid)).order_by(call_items.c.position)
        return await self._fetch(query, Item)

    async def open_items(self, user_id: str) -> list[Item]:
        """What a user noted on any call and is still to come or has no time, oldest first."""
        newest = (
            select(*ITEM)
            .join(calls, calls.c.call_sid == call_items.c.call_sid)
            .where(_is(calls.c.user_id, user_id), call_items.c.state == "noted")
            .where(or_(call_items.c.due_at.is_(None), call_items.c.due_at > func.now()))
            .order_by(call_items.c.position.desc())
            .limit(OPEN_ITEMS)
        )
        return (await self._fetch(newest, Item))[::-1]

    async def get_summary(self, call_sid: str) -> SummaryRecord | None:
        query = select(*SUMMARY).where(_is(call_summaries.c.call_sid, call_sid))
        rows = await self._fetch(query, SummaryRecord)
        return rows[0] if rows else None

    async def user_of_number(self, number: str) -> str | None:
        """The user whose phone has this E.164 number."""
        async with self._database.engine.connect() as connection:
            query = select(phone_numbers.c.user_id).where(_is(phone_numbers.c.number, number))
            return (await connection.execute(query)).scalar_one_or_none()

    async def resume_state(self, call_sid: str) -> ResumeState | None:
        """What an earlier stream of this call left; None for a call that nobody has heard of."""
        call = await self.get_call(call_sid)
        if call is None:
            return None
        lines = await self.get_lines(call_sid)
        items = await self.get_items(call_sid)
        greeting = await self._greeting(call_sid)
        return ResumeState(call.user_id, call.end_reason, call.resumes, greeting, lines, items)

    async def _greeting(self, call_sid: str) -> str | None:
        async with self._database.engine.connect() as connection:
            query = select(calls.c.greeting).where(_is(calls.c.call_sid, call_sid))
            return (await connection.execute(query)).scalar_one_or_none()

    async def delete_call(self, call_sid: str) -> bool:
        """Erase a call with its transcript, items and summary. False: there is none."""
        async with self._database.engine.begin() as connection:
            gone = await connection.execute(
                delete(calls).where(_is(calls.c.call_sid, call_sid)).returning(calls.c.call_sid)
            )
            found = gone.first() is not None
            if found:
                await notify(connection, [Changed(call_sid, "status")])
        return found

    async def _fetch(self, query: Select[Any], kind: type[T]) -> list[T]:
        async with self._database.engine.connect() as connection:
            return _records(kind, (await connection.execute(query)).all())


def _is(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """No row has what PostgreSQL cannot store (U+0000, lone surrogates); to ask for it is an error there."""
    return column == value if storable(value) == value else false()


def _records(kind: type[T], rows: Sequence[Row[Any]]) -> list[T]:
    return [msgspec.convert(row, kind, from_attributes=True) for row in rows]
