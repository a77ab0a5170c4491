"""Bringing a database to this version's schema."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.errors import SettingError
from app.store.url import normalise_url, where

T = TypeVar("T")

ONE_AT_A_TIME = 0x0FF400C
"""Key of the advisory lock that keeps two starting processes from migrating at once."""


def scripts() -> Path:
    """Where the migrations lie: beside `app` in a checkout, inside it in an installed wheel."""
    here = Path(__file__).resolve().parent
    packaged = here / "_migrations"
    return packaged if packaged.is_dir() else here.parent.parent / "migrations"


async def migrate(url: str) -> None:
    """Run what has not been run yet. Harmless when that is nothing, or when another process does so too."""
    await _with_connection(url, _upgrade)


async def pending(url: str) -> list[str]:
    """The revisions that `migrate` would run, oldest first.

    Raises:
        SettingError: the database is newer than this program.
    """
    return await _with_connection(url, _pending)


async def check(url: str) -> None:
    """Make sure that the database has this version's schema.

    Raises:
        SettingError: it is older, or newer.
    """
    if await pending(url):
        raise SettingError(
            "DATABASE_URL",
            f"the database {where(url)} has no tables yet, or old ones.",
            "Run: offhook migrate",
        )


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts()))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
    if _pending(connection):
        command.upgrade(_config(connection), "head")


def _pending(connection: Connection) -> list[str]:
    directory = ScriptDirectory.from_config(_config(connection))
    all_revisions = [script.revision for script in directory.walk_revisions()][::-1]
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return all_revisions
    if current not in all_revisions:
        raise SettingError(
            "DATABASE_URL",
            "the database is newer than this program.",
            "Update offhook to the version that made it.",
        )
    return all_revisions[all_revisions.index(current) + 1 :]


async def _with_connection(url: str, run: Callable[[Connection], T]) -> T:
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda *_args, **_kwargs: asyncpg.connect(normalise_url(url), timeout=10),
        poolclass=NullPool,
        hide_parameters=True,
    )
    async with engine.begin() as connection:
        return await connection.run_sync(run)
