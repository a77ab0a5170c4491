"""Runs the migrations: on the connection from `app.store.migrate`, or for alembic's own command line."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

from app.settings import load_settings
from app.store.database import Database
from app.store.tables import metadata


def ours(_object: object, name: str | None, kind: str, reflected: bool, _other: object) -> bool:
    """pgqueuer keeps its own tables; `alembic revision --autogenerate` must not drop them."""
    return not (kind == "table" and reflected and name not in metadata.tables)


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, include_object=ours)
    with context.begin_transaction():
        context.run_migrations()


async def run_from_command_line() -> None:
    database = Database(load_settings().database_url)
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await database.aclose()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    asyncio.run(run_from_command_line())
