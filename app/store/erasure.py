"""Erasing calls so that nothing of them is left, and nothing that comes late brings them back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from pgqueuer.queries import Queries as JobQueue
from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.live.messages import Changed
from app.store.database import Database
from app.store.ending import SUMMARIZE, driver_connection
from app.store.notices import notify
from app.store.queries import equals
from app.store.tables import calls, erased_calls, users
from app.store.writes import ERASING

AT_ONCE = 100
"""Calls a transaction: writers wait for it, some 20 ms."""

KEEP_TOMBSTONES = timedelta(days=90)
"""A spool of a machine that was switched off for longer can bring its erased calls back."""

OVER_SINCE = func.coalesce(calls.c.ended_at, calls.c.started_at, calls.c.created_at)


class Erasure:
    """By call, by user, by age. Open calls are left alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def call(self, call_sid: str) -> bool:
        """Erase one call. False: there is none, or it is open."""
        return await self._erase(equals(calls.c.call_sid, call_sid)) > 0

    async def user(self, user_id: str) -> int:
        """Erase a user's calls, and what is known of the user: name and numbers. How many calls that were.

        An open call stays, and has to be erased when it is over.
        """
        count = await self._erase(equals(calls.c.user_id, user_id))

        async def forget(connection: AsyncConnection) -> None:
            await connection.execute(delete(users).where(equals(users.c.id, user_id)))

        await self._database.run(forget)
        return count

    async def older_than(self, age: timedelta) -> int:
        """Erase the calls that have been over for so long. How many that were."""
        return await self._erase(func.now() - age > OVER_SINCE)

    async def forget_tombstones(self) -> None:
        """Drop what nobody can need any more."""

        async def forget(connection: AsyncConnection) -> None:
            old = erased_calls.c.erased_at < func.now() - KEEP_TOMBSTONES
            await connection.execute(delete(erased_calls).where(old))

        await self._database.run(forget)

    async def _erase(self, chosen: ColumnElement[bool]) -> int:
        total = 0
        while count := await self._database.run(lambda connection: _erase_some(connection, chosen)):
            total += count
        return total


async def _erase_some(connection: AsyncConnection, chosen: ColumnElement[bool]) -> int:
    # Alone: a batch that has looked for tombstones before must be written before, and is erased too.
    await connection.execute(select(func.pg_advisory_xact_lock(ERASING)))
    over = select(calls.c.call_sid).where(chosen, calls.c.ended_at.is_not(None)).limit(AT_ONCE)
    # Lines, items and summary go with their call, by foreign key.
    gone = await connection.execute(
        delete(calls).where(calls.c.call_sid.in_(over.with_for_update())).returning(calls.c.call_sid)
    )
    sids = list(gone.scalars())
    if sids:
        tombstones = insert(erased_calls).on_conflict_do_nothing()
        await connection.execute(tombstones, [{"call_sid": call_sid} for call_sid in sids])
        await _erase_jobs(connection, sids)
        # Whoever watches one of them looks for it, and finds nothing.
        await notify(connection, [Changed(call_sid, "status") for call_sid in sids])
    return len(sids)


async def _erase_jobs(connection: AsyncConnection, sids: Sequence[str]) -> None:
    queue = JobQueue.from_asyncpg_connection(await driver_connection(connection))
    await connection.execute(
        text(
            f"""DELETE FROM {queue.qbe.qualified.queue_table} WHERE entrypoint = :entrypoint
            AND convert_from(payload, 'UTF8')::jsonb ->> 'call_sid' = ANY(:sids)"""  # noqa: S608
        ),
        {"entrypoint": SUMMARIZE, "sids": sids},
    )
