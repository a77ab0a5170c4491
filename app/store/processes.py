"""What each process says of itself in the database: that it is alive, and how far it has written."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from app.store.tables import processes

LEASE = timedelta(seconds=10)
"""How long a process counts as alive after its last sign of life."""


async def renew_lease(connection: AsyncConnection, owner: str) -> None:
    """Say that this process is alive."""
    statement = insert(processes).values(owner=owner, lease_expires_at=func.now() + LEASE, batch=0)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[processes.c.owner],
            set_={"lease_expires_at": statement.excluded.lease_expires_at},
        )
    )


def _signature() -> ReturningInsert[Any]:
    alive = func.coalesce(bindparam("alive_at", type_=DateTime(timezone=True)), func.now())
    statement = insert(processes).values(
        owner=bindparam("owner"), lease_expires_at=alive + LEASE, batch=bindparam("batch")
    )
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[processes.c.owner],
        set_={
            "lease_expires_at": func.greatest(processes.c.lease_expires_at, new.lease_expires_at),
            "batch": new.batch,
        },
        where=processes.c.batch < new.batch,
    ).returning(processes.c.owner)


_SIGNATURE = _signature()
"""Built once: to build a statement costs as much as to run it."""


async def sign(
    connection: AsyncConnection, owner: str, number: int, alive_at: datetime | None = None
) -> bool:
    """Renew the lease, as of `alive_at` or now, and claim all operations up to `number`. False: that one is
    in the database already.
    """
    values = {"owner": owner, "batch": number, "alive_at": alive_at}
    signed = await connection.execute(_SIGNATURE, values)
    return signed.first() is not None


async def written(connection: AsyncConnection, owner: str) -> int:
    """The number of the last operation of a process that is in the database; 0 if there is none."""
    found = await connection.execute(select(processes.c.batch).where(processes.c.owner == owner))
    return found.scalar_one_or_none() or 0
