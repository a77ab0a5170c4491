"""app.store.leases: what becomes of the calls of a process that died."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.store import leases
from app.store.database import Database
from app.store.leases import Leases, new_owner
from app.store.operations import Operation
from app.store.queries import Queries
from app.store.writer import Writer
from tests.store.calls import finished, jobs, line, registered, started

VICTIM = """
import asyncio, sys
from app.store.database import Database
from app.store.leases import Leases
from app.store.writer import Writer
from tests.store.calls import line, started

async def main():
    async with Database(sys.argv[1]) as database, Writer(database, "victim") as writer:
        leases = asyncio.create_task(Leases(database, "victim").run())
        writer.add(started())
        for seq in range(1, 10**6):
            writer.add(line(seq, is_final=seq % 2 == 0))
            await asyncio.sleep(0.002)
            if seq == 100:
                await writer.flushed()
                print("flushed", flush=True)

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def database_has_been_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "AFTER_DATABASE_START", timedelta(0))


async def expire(database: Database, owner: str) -> None:
    """Let time pass for a process: its lease ran out seven seconds ago."""
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE processes SET lease_expires_at = now() - interval '7 s' WHERE owner = :owner"),
            {"owner": owner},
        )


async def give(database: Database, owner: str, *operations: Operation) -> None:
    async with Writer(database, owner) as writer:
        for operation in operations:
            writer.add(operation)


async def test_the_calls_of_a_living_process_are_left_alone(database: Database) -> None:
    await give(database, "me", started())
    assert await Leases(database, "other").reap() == []


async def test_the_calls_of_a_dead_process_end_with_their_last_sign_of_life(
    database: Database, queries: Queries
) -> None:
    await give(database, "dead", started(), line(1, is_final=False))
    await expire(database, "dead")
    assert await Leases(database, "other").reap() == ["CA1"]
    call = await queries.get_call("CA1")
    assert call is not None
    assert (call.status, call.end_reason) == ("completed", "server_lost")
    async with database.engine.connect() as connection:
        age = await connection.execute(text("SELECT extract(epoch FROM now() - ended_at) FROM calls"))
        assert 16.5 < age.scalar_one() < 20
    assert [one.is_final for one in await queries.get_lines("CA1")] == [True]
    assert len(await jobs(database)) == 1


async def test_a_call_whose_stream_never_came_ends_after_two_minutes(
    database: Database, queries: Queries
) -> None:
    await give(database, "me", registered("CA1"), registered("CA2"))
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE calls SET created_at = now() - interval '121 s' WHERE call_sid = 'CA1'")
        )
    assert await Leases(database, "other").reap() == ["CA1"]
    call = await queries.get_call("CA1")
    assert call is not None
    assert call.end_reason == "never_connected"


async def test_several_reapers_at_once_end_a_call_once(database: Database) -> None:
    await give(database, "dead", *(started(f"CA{number}") for number in range(20)))
    await expire(database, "dead")
    reaped = await asyncio.gather(*(Leases(database, f"other{number}").reap() for number in range(4)))
    assert sorted(sid for sids in reaped for sid in sids) == sorted(f"CA{number}" for number in range(20))
    assert len(await jobs(database)) == 20


async def test_nobody_is_dead_right_after_the_database_has_started(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await give(database, "dead", started())
    await expire(database, "dead")
    monkeypatch.setattr(leases, "AFTER_DATABASE_START", timedelta(days=1))
    assert await Leases(database, "other").reap() == []


async def test_a_process_that_was_thought_dead_corrects_the_record(
    database: Database, queries: Queries
) -> None:
    async with Writer(database, "slow") as writer:
        writer.add(started())
        await writer.flushed()
        await expire(database, "slow")
        await Leases(database, "other").reap()
        writer.add(finished(reason="hangup"))
    call = await queries.get_call("CA1")
    assert call is not None
    assert (call.status, call.end_reason) == ("completed", "hangup")


async def test_a_process_renews_before_it_looks_for_the_dead(database: Database) -> None:
    """So it never ends its own calls, however long it or the database slept."""
    await give(database, "me", started())
    await expire(database, "me")
    mine = Leases(database, "me")
    await mine.renew()
    assert await mine.reap() == []


async def test_after_kill_9_the_lines_are_there_the_call_ends_and_its_summary_is_ordered(
    database: Database, postgres_url: str, queries: Queries
) -> None:
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, postgres_url, stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    assert await victim.stdout.readline() == b"flushed\n"
    victim.kill()
    await victim.wait()
    await expire(database, "victim")
    assert await Leases(database, new_owner()).reap() == ["CA1"]
    lines = await queries.get_lines("CA1")
    assert [one.seq for one in lines] == list(range(1, len(lines) + 1))
    assert len(lines) >= 100
    assert all(one.is_final for one in lines)
    assert len(await jobs(database)) == 1
