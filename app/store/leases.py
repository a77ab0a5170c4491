"""Which process has which calls, and what becomes of the calls of one that died.

A process is alive as long as it renews its lease, by the database's clock. Every process looks for the calls
of dead ones and ends them, in the same way as a call ends by itself: so their summaries are written.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from datetime import timedelta
from typing import NoReturn
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, case, delete, func, not_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app import metrics
from app.store.database import Database, Lost, pause, why
from app.store.ending import settle
from app.store.processes import LEASE, renew_lease
from app.store.tables import calls, processes

log = logging.getLogger(__name__)

RENEW_SECONDS = 2.0
"""A lease survives four failures to renew it."""

CONNECT_WITHIN = timedelta(seconds=120)
"""From the webhook to the stream. Twilio connects within seconds, or gives up."""

AFTER_DATABASE_START = timedelta(seconds=15)
"""While the database was down nobody could renew: its clock ran on, the calls did too."""

KEEP_DEAD = timedelta(days=90)
"""Then a dead process's row goes. Until then it tells how much of a spool is written."""


def new_owner() -> str:
    """A name for this process in the database, never used before."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"


class Leases:
    """Keeps this process alive in the database, and buries the dead. Run `run` beside the calls."""

    def __init__(self, database: Database, owner: str) -> None:
        self._database = database
        self._owner = owner

    async def run(self) -> NoReturn:
        """Renew and reap until cancelled, through outages of the database."""
        attempt = 0
        while True:
            try:
                await self.renew()
                await self.reap()
            except Lost as error:
                attempt += 1
                if attempt == 1:
                    log.warning("the lease of this process cannot be renewed: %s", why(error))
                await pause(attempt)
            else:
                attempt = 0
                await asyncio.sleep(RENEW_SECONDS)

    async def renew(self) -> None:
        """Say that this process is alive."""
        async with self._database.engine.begin() as connection:
            await renew_lease(connection, self._owner)

    async def reap(self) -> list[str]:
        """End the calls that nobody has any more; their SIDs."""
        async with self._database.engine.begin() as connection:
            ended = await reap(connection)
        for call_sid, reason in ended.items():
            log.warning("call %s: ended, %s", call_sid, reason)
            metrics.CALLS_ENDED.labels(reason=reason).inc()
        return list(ended)


async def reap(connection: AsyncConnection) -> dict[str, str]:
    """End the calls of dead processes and those that never connected. Call SID → end reason."""
    settled = func.pg_postmaster_start_time() < func.now() - AFTER_DATABASE_START
    chosen = (
        select(calls.c.call_sid)
        .where(settled, calls.c.ended_at.is_(None), _never_connected() | _server_lost())
        # Another process may be ending one of them, or resuming it, right now.
        .with_for_update(skip_locked=True)
    )
    died_at = (
        select(processes.c.lease_expires_at - LEASE)
        .where(processes.c.owner == calls.c.owner)
        .scalar_subquery()
    )
    result = await connection.execute(
        update(calls)
        .where(calls.c.call_sid.in_(chosen))
        .values(
            # As Twilio sees it: what had a stream was a call.
            status=case((calls.c.owner.is_(None), "failed"), else_="completed"),
            ended_at=func.greatest(calls.c.started_at, func.coalesce(died_at, func.now())),
            end_reason=case((calls.c.owner.is_(None), "never_connected"), else_="server_lost"),
        )
        .returning(calls.c.call_sid, calls.c.ended_at, calls.c.end_reason)
    )
    ended = result.all()
    await settle(connection, [(row.call_sid, row.ended_at) for row in ended])
    await connection.execute(delete(processes).where(processes.c.lease_expires_at < func.now() - KEEP_DEAD))
    return {row.call_sid: row.end_reason for row in ended}


def _never_connected() -> ColumnElement[bool]:
    return and_(calls.c.owner.is_(None), calls.c.created_at < func.now() - CONNECT_WITHIN)


def _server_lost() -> ColumnElement[bool]:
    alive = select(processes.c.owner).where(
        processes.c.owner == calls.c.owner, processes.c.lease_expires_at > func.now()
    )
    return and_(calls.c.owner.is_not(None), not_(alive.exists()))
