"""app.live.events: viewers hear of their call, through lost connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.live.events import LiveEvents
from app.live.messages import CHANNEL, Changed, Interim, InterimLine, LiveEvent
from app.store.database import Database
from app.store.notices import notify


@pytest.fixture
async def live(database: Database) -> AsyncIterator[LiveEvents]:
    live = LiveEvents(database)
    listening = asyncio.create_task(live.run())
    yield live
    listening.cancel()
    await asyncio.wait([listening])


async def tell(database: Database, *events: LiveEvent) -> None:
    async with database.engine.begin() as connection:
        await notify(connection, events)


async def after_connecting(events: AsyncIterator[LiveEvent]) -> None:
    """A viewer that was there before the connection is told to read everything again."""
    kinds = {getattr(await anext(events), "event", None) for _ in range(3)}
    assert kinds == {"lines", "status", "summary"}


async def test_viewers_hear_of_their_call_and_of_no_other(live: LiveEvents, database: Database) -> None:
    async with live.watch("CA1") as events, live.watch("CA2") as others, asyncio.timeout(5):
        await after_connecting(events)
        await after_connecting(others)
        heard = Interim("CA1", InterimLine(1, "user", "hel", 40))
        await tell(database, Changed("CA2", "status"), heard, Changed("CA1", "lines"))
        assert [await anext(events), await anext(events)] == [heard, Changed("CA1", "lines")]
        assert await anext(others) == Changed("CA2", "status")


async def test_a_lost_connection_is_replaced_and_everything_read_again(
    live: LiveEvents, database: Database, postgres_url: str
) -> None:
    async with live.watch("CA1") as events, asyncio.timeout(10):
        await after_connecting(events)
        killer = await asyncpg.connect(postgres_url)
        await killer.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await killer.close()
        await after_connecting(events)
        await tell(database, Changed("CA1", "status"))
        assert await anext(events) == Changed("CA1", "status")


async def test_a_database_that_takes_no_connections_is_waited_for(
    database: Database, postgres_url: str, postgres_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = urlsplit(postgres_url).path.lstrip("/")
    live = LiveEvents(database)
    server = await asyncpg.connect(postgres_server)
    await server.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
    listening = asyncio.create_task(live.run())
    async with live.watch("CA1") as events, asyncio.timeout(10):
        while "not currently accepting connections" not in caplog.text:
            assert not listening.done()
            await asyncio.sleep(0.01)
        await server.execute(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true")
        await after_connecting(events)
    await server.close()
    listening.cancel()
    await asyncio.wait([listening])


async def test_what_others_send_on_the_channel_is_passed_over(live: LiveEvents, database: Database) -> None:
    async with live.watch("CA1") as events, asyncio.timeout(5):
        await after_connecting(events)
        connection = await database.listener()
        await connection.execute("SELECT pg_notify($1, 'hello')", CHANNEL)
        await connection.close()
        await tell(database, Changed("CA1", "status"))
        assert await anext(events) == Changed("CA1", "status")
