"""The one way in which a call ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import asyncpg
import msgspec
from pgqueuer.queries import Queries as JobQueue
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.live.messages import Changed
from app.store.notices import notify
from app.store.tables import call_summaries, transcript_lines

SUMMARIZE = "summarize"
"""The job's name in pgqueuer."""


class SummaryOrder(msgspec.Struct, frozen=True):
    """The job's payload. A call that was resumed meanwhile has another `ended_at`: the order is stale."""

    call_sid: str
    ended_at: datetime


async def settle(connection: AsyncConnection, ended: Sequence[tuple[str, datetime]]) -> None:
    """What goes with the end of calls, in the transaction that set their `ended_at`.

    `ended` are call SIDs with their `ended_at`. Lines that were still growing become final, and a summary of
    each call is ordered, one job a call. Every way for a call to end leads here.
    """
    if not ended:
        return
    sids = [call_sid for call_sid, _ in ended]
    others = transcript_lines.alias()
    newest = select(func.max(others.c.revision)).where(others.c.call_sid == transcript_lines.c.call_sid)
    await connection.execute(
        update(transcript_lines)
        .where(transcript_lines.c.call_sid.in_(sids), ~transcript_lines.c.is_final)
        # After all final lines, in the order of speaking. Whoever was speaking was cut off.
        .values(is_final=True, interrupted=True, revision=newest.scalar_subquery() + transcript_lines.c.seq)
    )
    await connection.execute(delete(call_summaries).where(call_summaries.c.call_sid.in_(sids)))
    queue = JobQueue.from_asyncpg_connection(await driver_connection(connection))
    orders: list[bytes | None] = [msgspec.json.encode(SummaryOrder(*end)) for end in ended]
    await queue.enqueue([SUMMARIZE] * len(orders), orders, [0] * len(orders))
    changed: tuple[Literal["lines", "status"], ...] = ("lines", "status")
    await notify(connection, [Changed(sid, event) for sid in sids for event in changed])


async def driver_connection(connection: AsyncConnection) -> asyncpg.Connection:
    """asyncpg's own connection, for pgqueuer, in the transaction that has begun on it."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, asyncpg.Connection)
    # SQLAlchemy begins the transaction with its first statement. Without one, the jobs would stand alone.
    assert raw.is_in_transaction()
    return raw
