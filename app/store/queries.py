"""What programs read from the database."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.encryption import UnreadableError
from app.services.language_model.interface import Item
from app.store.database import Database
from app.store.records import CallRecord, LineRecord, ResumeState, SummaryRecord
from app.store.sealing import greeting_place, item_place, line_place, open_summary
from app.store.storable import storable
from app.store.tables import call_items, call_summaries, calls, phone_numbers, transcript_lines

log = logging.getLogger(__name__)

OPEN_ITEMS = 20
"""What one caller can hear read out; older ones are still in the API."""

BEGAN = func.coalesce(calls.c.started_at, calls.c.created_at)
CALL = [calls.c[name] for name in CallRecord.__struct_fields__ if name in calls.c]
LINE = [transcript_lines.c[name] for name in LineRecord.__struct_fields__ if name in transcript_lines.c]
ITEM = [call_items.c[name] for name in Item.__struct_fields__]
SUMMARY = [call_summaries.c[name] for name in SummaryRecord.__struct_fields__ if name in call_summaries.c]


class Queries:
    """Reads, each in a transaction of its own. What a writer still holds is not seen.

    Words that are encrypted with a key that is not known, or were altered, are left out with the reason.
    """

    def __init__(self, database: Database, user_id: str | None = None) -> None:
        """With `user_id`, the database itself shows this user's rows only."""
        self._database = database
        self._encryption = database.encryption
        self._user_id = user_id

    def seen_by(self, user_id: str | None) -> Queries:
        """The same as this user sees it; None: as the operator does."""
        return Queries(self._database, user_id)

    async def get_call(self, call_sid: str) -> CallRecord | None:
        rows = await self._fetch(select(*CALL).where(equals(calls.c.call_sid, call_sid)))
        return _call(rows[0]) if rows else None

    async def list_calls(
        self, user_id: str | None = None, limit: int = 50, before: datetime | None = None
    ) -> list[CallRecord]:
        """Newest first; those that began before `before`."""
        query = select(*CALL).order_by(BEGAN.desc(), calls.c.call_sid).limit(limit)
        if user_id is not None:
            query = query.where(equals(calls.c.user_id, user_id))
        if before is not None:
            query = query.where(before > BEGAN)
        return list(map(_call, await self._fetch(query)))

    async def has_open_call(self, user_id: str) -> bool:
        """Whether the user is on the phone, or about to be."""
        query = select(calls.c.call_sid).where(equals(calls.c.user_id, user_id), calls.c.ended_at.is_(None))
        return bool(await self._fetch(query.limit(1)))

    async def get_lines(
        self, call_sid: str, *, final_only: bool = False, after_revision: int = 0
    ) -> list[LineRecord]:
        """A call's lines in the order of `seq`.

        With `final_only`, those that became final after revision `after_revision`, in that order.
        """
        query = select(*LINE).where(equals(transcript_lines.c.call_sid, call_sid))
        if final_only:
            query = query.where(transcript_lines.c.is_final, transcript_lines.c.revision > after_revision)
            query = query.order_by(transcript_lines.c.revision)
        rows = await self._fetch(query.order_by(transcript_lines.c.seq))
        return [self._line(call_sid, row) for row in rows]

    async def get_items(self, call_sid: str) -> list[Item]:
        """Everything noted on a call, oldest first, drafts and cancelled ones included."""
        query = select(*ITEM).where(equals(call_items.c.call_sid, call_sid)).order_by(call_items.c.position)
        return self._items(await self._fetch(query))

    async def open_items(self, user_id: str) -> list[Item]:
        """What a user noted on any call and is still to come or has no time, oldest first."""
        newest = (
            select(*ITEM)
            .join(calls, calls.c.call_sid == call_items.c.call_sid)
            .where(equals(calls.c.user_id, user_id), call_items.c.state == "noted")
            .where(or_(call_items.c.due_at.is_(None), call_items.c.due_at > func.now()))
            .order_by(call_items.c.position.desc())
            .limit(OPEN_ITEMS)
        )
        return self._items(await self._fetch(newest))[::-1]

    async def get_summary(self, call_sid: str) -> SummaryRecord | None:
        rows = await self._fetch(select(*SUMMARY).where(equals(call_summaries.c.call_sid, call_sid)))
        if not rows:
            return None
        # Without `error`, the last one, which is no column.
        stored: dict[str, Any] = dict(zip(SummaryRecord.__struct_fields__, rows[0], strict=False))
        try:
            stored = open_summary(self._encryption, call_sid, stored)
        except UnreadableError as error:
            stored |= {"summary": "", "key_points": [], "action_items": [], "error": str(error)}
        return msgspec.convert(stored, SummaryRecord)

    async def user_of_number(self, number: str) -> str | None:
        """The user whose phone has this E.164 number."""
        rows = await self._fetch(
            select(phone_numbers.c.user_id).where(equals(phone_numbers.c.number, number))
        )
        return rows[0].user_id if rows else None

    async def resume_state(self, call_sid: str) -> ResumeState | None:
        """What an earlier stream of this call left; None for a call that nobody has heard of."""
        call = await self.get_call(call_sid)
        if call is None:
            return None
        lines = await self.get_lines(call_sid)
        items = await self.get_items(call_sid)
        incomplete = call.started_at is not None and call.end_reason in (None, "server_lost")
        greeting = await self._greeting(call_sid)
        return ResumeState(
            call.user_id,
            call.end_reason,
            call.resumes,
            incomplete,
            greeting,
            call.answered_by,
            lines,
            items,
        )

    async def _greeting(self, call_sid: str) -> str | None:
        rows = await self._fetch(select(calls.c.greeting).where(equals(calls.c.call_sid, call_sid)))
        if not rows or rows[0].greeting is None:
            return None
        try:
            return self._encryption.open(rows[0].greeting, *greeting_place(call_sid))
        except UnreadableError as error:
            log.error("call %s: begins with the usual greeting: %s", call_sid, error)  # noqa: TRY400
            return None

    async def _fetch(self, query: Select[Any]) -> list[Row[Any]]:
        async def fetch(connection: AsyncConnection) -> list[Row[Any]]:
            return list(await connection.execute(query))

        return await self._database.run(fetch, self._user_id)

    def _line(self, call_sid: str, row: Row[Any]) -> LineRecord:
        line = msgspec.convert(row, LineRecord, from_attributes=True)
        try:
            text = self._encryption.open(line.text, *line_place(call_sid, line.seq))
        except UnreadableError as error:
            return msgspec.structs.replace(line, text="", error=str(error))
        return line if text == line.text else msgspec.structs.replace(line, text=text)

    def _items(self, rows: Sequence[Row[Any]]) -> list[Item]:
        """Without those that cannot be read: an assistant must not read out that it cannot."""
        items = []
        for row in rows:
            item = msgspec.convert(row, Item, from_attributes=True)
            try:
                text = self._encryption.open(item.text, *item_place(item.id))
            except UnreadableError as error:
                log.error("item %s is left out: %s", item.id, error)  # noqa: TRY400
            else:
                items.append(msgspec.structs.replace(item, text=text))
        return items


def equals(column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    """No row has what PostgreSQL cannot store (U+0000, lone surrogates); to ask for it is an error there."""
    return column == value if storable(value) == value else false()


def _call(row: Row[Any]) -> CallRecord:
    return msgspec.convert(row, CallRecord, from_attributes=True)
