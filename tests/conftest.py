"""A real PostgreSQL for all tests: one server a session, a fresh migrated database a test."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import hypothesis
import pytest

from app.settings import Settings
from app.store.database import Database
from app.store.embedded import EmbeddedPostgres
from app.store.migrate import migrate
from app.store.queries import Queries

TEMPLATE = "offhook_template"

# A developer's own settings are none of the tests' business.
Settings.model_config["env_file"] = None
for name in Settings.model_fields:
    os.environ.pop(name.upper(), None)

# A shell lets a command in the background ignore Ctrl-C, and so would every server that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What an example takes by the clock tells of what else runs; tests that mean it set a deadline themselves.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
async def postgres_server() -> AsyncIterator[str]:
    """The URL of a server that stands for the session; its database `offhook_template` is migrated."""
    # Not pytest's own directory, which another run by the same user closes to the server's user.
    state_dir = Path(tempfile.mkdtemp(prefix="offhook-test-"))
    async with EmbeddedPostgres(state_dir) as url:
        connection = await asyncpg.connect(url)
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
        await connection.close()
        await migrate(url.replace("/postgres?", f"/{TEMPLATE}?"))
        yield url
    shutil.rmtree(state_dir)


@pytest.fixture
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database."""
    name = f"test_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(postgres_server)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield postgres_server.replace("/postgres?", f"/{name}?")
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated database, connected."""
    async with Database(postgres_url) as database:
        yield database


@pytest.fixture
def queries(database: Database) -> Queries:
    return Queries(database)
