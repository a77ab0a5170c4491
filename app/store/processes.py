"""What each process says of itself in the database: that it is alive, and how far it has written."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

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


async def sign(connection: AsyncConnection, owner: str, number: int) -> bool:
    """Renew the lease and claim batch `number`. False: it is in the database already."""
    statement = insert(processes).values(owner=owner, lease_expires_at=func.now() + LEASE, batch=number)
    signed = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[processes.c.owner],
            set_={"lease_expires_at": statement.excluded.lease_expires_at, "batch": statement.excluded.batch},
            where=processes.c.batch < statement.excluded.batch,
        ).returning(processes.c.owner)
    )
    return signed.first() is not None
