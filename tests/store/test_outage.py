"""The database goes away in the middle of calls and comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from app.jobs.worker import JobWorker
from app.live.events import LiveEvents
from app.live.messages import Changed
from app.store.database import Database
from app.store.migrate import migrate
from app.store.operations import InterimHeard
from app.store.queries import Queries
from app.store.writer import Writer
from tests.jobs.test_job_worker import Counting
from tests.store.calls import finished, line, started
from tests.store.postgres import Server, own_server


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with own_server() as server:
        yield server


async def test_every_line_is_written_once_through_a_crash_and_viewers_miss_nothing(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    url = await server.start()
    await migrate(url)
    async with Database(url) as database, Writer(database, "me") as writer:
        live = LiveEvents(database)
        listening = asyncio.create_task(live.run())
        working = asyncio.create_task(JobWorker(database, Counting()).run())
        writer.add(started())
        async with live.watch("CA1") as events:
            for seq in range(1, 301):
                writer.add(line(seq))
                await asyncio.sleep(0.002)
                if seq == 100:
                    await server.crash()
            writer.add(InterimHeard("CA1", 301, "user", "nobody hears this", 0))
            writer.add(finished())
            with caplog.at_level(logging.WARNING):
                await server.start()
                async with asyncio.timeout(10):
                    await writer.flushed()
                    # One poke of each kind at least: the connection was lost and is back.
                    poked: set[str] = set()
                    while poked != {"lines", "status", "summary"}:
                        event = await anext(events)
                        assert isinstance(event, Changed)
                        poked.add(event.event)
        queries = Queries(database)
        # The job worker has come back by itself.
        async with asyncio.timeout(15):
            while await queries.get_summary("CA1") is None:
                await asyncio.sleep(0.05)
        listening.cancel()
        working.cancel()
        await asyncio.wait([working])
        assert [one.seq for one in await queries.get_lines("CA1")] == list(range(1, 301))
    assert sum("the database is lost" in record.getMessage() for record in caplog.records) == 1
    assert sum("the database is back" in record.getMessage() for record in caplog.records) == 1
