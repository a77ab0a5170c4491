"""A call's summary: read the call, have it summarised, write it down once."""

from __future__ import annotations

from datetime import UTC, tzinfo

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.encryption import UnreadableError
from app.live.messages import Changed
from app.services.language_model.interface import Message
from app.services.summarizer.interface import Summarizer, Summary
from app.store.database import Database
from app.store.ending import SummaryOrder
from app.store.notices import notify
from app.store.queries import Queries
from app.store.sealing import seal_summary
from app.store.storable import storable
from app.store.tables import call_summaries, calls


class Summaries:
    """Carries out summary orders. One that is carried out twice, or is stale, changes nothing."""

    def __init__(self, database: Database, summarizer: Summarizer, zone: tzinfo = UTC) -> None:
        """`zone` is the callers' time zone: the hours of a summary are theirs."""
        self._database = database
        self._queries = Queries(database)
        self._summarizer = summarizer
        self._zone = zone

    async def write(self, order: SummaryOrder) -> bool:
        """Write the summary that was ordered. False: there is one already, or the order is stale.

        Raises:
            UnreadableError: a line is encrypted with a key that is not known.
        """
        call = await self._queries.get_call(order.call_sid)
        if call is None or call.ended_at != order.ended_at:
            return False
        if await self._queries.get_summary(order.call_sid):
            return False
        lines = await self._queries.get_lines(order.call_sid)
        for line in lines:
            if line.error:
                raise UnreadableError(line.error)
        messages = [Message(line.speaker, line.text, line.interrupted) for line in lines]
        # The database gives the moment, in UTC.
        items = [
            msgspec.structs.replace(item, due_at=item.due_at.astimezone(self._zone)) if item.due_at else item
            for item in await self._queries.get_items(order.call_sid)
        ]
        now = order.ended_at.astimezone(self._zone)
        summary = await self._summarizer.summarize(messages, items, now)
        return await self._insert(order, summary)

    async def _insert(self, order: SummaryOrder, summary: Summary) -> bool:
        values = storable(msgspec.to_builtins(summary)) | {"call_sid": order.call_sid}
        values = seal_summary(self._database.encryption, order.call_sid, values)

        async def write(connection: AsyncConnection) -> bool:
            # Locked: a stream that resumes the call waits for us, or we see that it has.
            call = select(calls.c.ended_at).where(calls.c.call_sid == order.call_sid).with_for_update()
            if (await connection.execute(call)).scalar_one_or_none() != order.ended_at:
                return False
            written = await connection.execute(
                insert(call_summaries)
                .values(values)
                .on_conflict_do_nothing()
                .returning(call_summaries.c.call_sid)
            )
            if written.first() is None:
                return False
            await notify(connection, [Changed(order.call_sid, "summary")])
            return True

        return await self._database.run(write)
