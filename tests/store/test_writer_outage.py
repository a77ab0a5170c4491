"""app.store.writer: the database fails in the middle of a batch, in its less obvious ways."""

from __future__ import annotations

import asyncio
import logging

import asyncpg
import pytest

from app import metrics
from app.store import database as database_module
from app.store import writer as writer_module
from app.store.database import Database
from app.store.operations import InterimHeard
from app.store.queries import Queries
from app.store.writer import Writer
from tests.store.calls import finished, jobs, line, started
from tests.store.postgres import locked


async def stop_who_waits(connection: asyncpg.Connection, how: str) -> None:
    """`pg_terminate_backend` the one who waits for the lock, or `pg_cancel_backend` its statement (57014)."""
    while not await connection.fetchval(
        f"SELECT count(*) FILTER (WHERE {how}(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", ["pg_terminate_backend", "pg_cancel_backend"])
async def test_a_call_ends_although_the_server_did_not_take_its_job_at_first(
    database: Database, postgres_url: str, queries: Queries, how: str
) -> None:
    async with Writer(database, "me") as writer, asyncio.timeout(10):
        writer.add(started())
        await writer.flushed()
        async with locked(postgres_url, "pgqueuer") as connection:
            writer.add(finished())
            await stop_who_waits(connection, how)
        await writer.flushed()
    call = await queries.get_call("CA1")
    assert call is not None
    assert call.end_reason == "hangup"
    assert len(await jobs(database)) == 1


async def test_what_is_flushed_is_in_the_database_however_many_interims_came_with_an_outage(
    database: Database, postgres_url: str, queries: Queries
) -> None:
    async with Writer(database, "me") as writer, asyncio.timeout(10):
        async with locked(postgres_url, "transcript_lines"):
            async with locked(postgres_url, "processes") as connection:
                writer.add(started())
                # The first batch has begun; the line comes into the next one.
                while not await connection.fetchval("SELECT 1 FROM pg_locks WHERE NOT granted"):
                    await asyncio.sleep(0.01)
                writer.add(line(1))
                flushed = asyncio.create_task(writer.flushed())
                await asyncio.sleep(0)
                for number in range(10):
                    writer.add(InterimHeard("CA1", 2, "user", f"word {number}", 0))
                await stop_who_waits(connection, "pg_terminate_backend")
            while await queries.get_call("CA1") is None:
                await asyncio.sleep(0.01)
            await asyncio.wait([flushed], timeout=0.1)
            assert not flushed.done()
        await flushed
        assert [one.seq for one in await queries.get_lines("CA1")] == [1]


async def test_a_database_that_is_silent_for_too_long_is_an_outage(
    database: Database,
    postgres_url: str,
    queries: Queries,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(database_module, "STATEMENT_SECONDS", 0.2)
    async with Writer(database, "me") as writer, asyncio.timeout(10):
        async with locked(postgres_url, "processes"):
            writer.add(started())
            while "the database is lost (TimeoutError)" not in caplog.text:
                await asyncio.sleep(0.01)
        await writer.flushed()
    assert await queries.get_call("CA1") is not None


async def test_a_mistake_of_the_writer_itself_is_told_and_nothing_is_lost_or_written_twice(
    database: Database, queries: Queries, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    mistakes = iter([ValueError("a mistake")])

    def observe(_seconds: float) -> None:
        for mistake in mistakes:
            raise mistake

    monkeypatch.setattr(writer_module, "STUMBLE_SECONDS", 0)
    monkeypatch.setattr(metrics.STORE_FLUSH_SECONDS, "observe", observe)
    async with Writer(database, "me") as writer, asyncio.timeout(5):
        for operation in (started(), finished(), started(), line(1)):
            writer.add(operation)
        with caplog.at_level(logging.ERROR):
            await writer.flushed()
        writer.add(line(2))
        await writer.flushed()
    assert "a mistake" in caplog.text
    call = await queries.get_call("CA1")
    assert call is not None
    assert call.resumes == 1
    assert [one.seq for one in await queries.get_lines("CA1")] == [1, 2]
