"""The database: there, with today's schema, and of an age that will do."""

from __future__ import annotations

import asyncpg

from app.check.finding import LOADING_SECONDS, SECONDS, Finding, bounded, failed, ok
from app.server import database
from app.settings import Settings
from app.store.database import CONNECT_SECONDS
from app.store.url import normalise_url, where

OLDEST = 14
"""PostgreSQL's version, as docs/operating.md promises."""


async def check_database(settings: Settings) -> list[Finding]:
    """DATABASE_URL, or the embedded one, which is started for it as the server would."""

    async def ask() -> Finding:
        async with database(settings) as settled:
            url = normalise_url(settled.database_url)
            connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
            try:
                version = connection.get_server_version()
            finally:
                await connection.close()
        if version.major < OLDEST:
            return failed(
                "DATABASE_URL",
                f"{where(url)} is PostgreSQL {version.major}.",
                f"Use PostgreSQL {OLDEST} or newer.",
            )
        place = where(url) if settings.database_url else f"embedded, in {settings.state_dir}"
        return ok(
            "database", f"{place}: PostgreSQL {version.major}.{version.micro}, the schema is the newest."
        )

    return [await bounded("database", ask(), SECONDS if settings.database_url else LOADING_SECONDS)]
