"""Two whole servers, one that demands Twilio's signatures and one for calls by hand.

They end with their module: other tests count what is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from app.server import bind, running
from app.services.text_to_speech import TextToSpeech
from app.settings import load_settings
from tests.calls.servers import RunningServer
from tests.conftest import TEMPLATE
from tests.faults.site import cheap_voice, providers


@asynccontextmanager
async def serving(postgres_server: str, state_dir: Path, **settings: object) -> AsyncIterator[RunningServer]:
    """A server with local speech on a database of its own, loaded and ready."""
    name = f"calls_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(postgres_server)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    listener = bind(load_settings(port=0))
    port = listener.getsockname()[1]
    chosen = load_settings(
        host="127.0.0.1",
        port=port,
        webhook_url=f"http://127.0.0.1:{port}",
        database_url=postgres_server.replace("/postgres?", f"/{name}?"),
        state_dir=state_dir,
        operator_token="operator",
        **settings,
    )
    async with running(chosen, listener) as (app, task):
        loaded = asyncio.create_task(app.state.loaded.wait())
        await asyncio.wait([loaded, task], return_when=asyncio.FIRST_COMPLETED)
        assert loaded.done(), "the server did not start"
        yield RunningServer(chosen, app)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


def lower(environment: dict[str, str]) -> dict[str, object]:
    """Settings by the names that they have in Python."""
    return {name.lower(): value for name, value in environment.items()}


@asynccontextmanager
async def serving_cheaply(
    postgres_server: str, state_dir: Path, **settings: object
) -> AsyncIterator[RunningServer]:
    """The same with providers on loopback: starts in a second, for tests in which nobody is understood."""
    async with providers() as found, serving(postgres_server, state_dir, **lower(found) | settings) as server:
        yield server


@pytest.fixture(scope="module")
async def web_server(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningServer]:
    """As `server`, for tests of what Twilio asks and is told."""
    state_dir = tmp_path_factory.mktemp("web")
    async with serving_cheaply(
        postgres_server, state_dir, twilio_auth_token="secret", transfer_number="+15550199"
    ) as server:
        yield server


@pytest.fixture(scope="module")
async def server(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningServer]:
    """Everything must be signed; "0" is a person's number."""
    state_dir = tmp_path_factory.mktemp("signed")
    async with serving(
        postgres_server, state_dir, twilio_auth_token="secret", transfer_number="+15550199"
    ) as server:
        yield server


@pytest.fixture(scope="module")
async def open_server(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningServer]:
    """No auth token: a developer's laptop. Its ears are real, its voice is on loopback."""
    state_dir = tmp_path_factory.mktemp("open")
    async with (
        cheap_voice() as found,
        serving(
            postgres_server,
            state_dir,
            idle_seconds=5,
            max_connections_per_ip=1000,
            **lower(found),
        ) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def voice(server: RunningServer) -> TextToSpeech:
    """What callers without a recording speak with."""
    found: TextToSpeech = server.app.state.voice
    return found
