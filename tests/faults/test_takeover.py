"""A process has died: its calls are found by those who bury the dead, and by callers who go on elsewhere."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.store import leases
from app.store.database import Database
from app.store.leases import Leases
from app.store.queries import Queries
from app.store.tables import calls
from app.store.writer import Writer
from tests.store.calls import finished, line, started
from tests.store.test_leases import expire, give

CALLS = [f"CA{number}" for number in range(20)]


@pytest.fixture(autouse=True)
def database_has_been_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "AFTER_DATABASE_START", timedelta(0))


async def open_calls(database: Database, owner: str) -> list[str]:
    async with database.engine.connect() as connection:
        found = await connection.scalars(
            select(calls.c.call_sid).where(calls.c.ended_at.is_(None), calls.c.owner == owner)
        )
        return sorted(found)


async def test_a_call_that_goes_on_elsewhere_is_not_buried_with_its_first_server(database: Database) -> None:
    await give(database, "dead", started(), line(1))
    await expire(database, "dead")
    await give(database, "heir", started())
    assert await Leases(database, "other").reap() == []
    assert await open_calls(database, "heir") == ["CA1"]


async def test_a_call_that_was_buried_before_it_goes_on_is_open_again(
    database: Database, queries: Queries
) -> None:
    await give(database, "dead", started(), line(1))
    await expire(database, "dead")
    assert await Leases(database, "other").reap() == ["CA1"]
    await give(database, "heir", started(), line(2), finished(reason="caller_hung_up"))
    call = await queries.get_call("CA1")
    assert call is not None
    assert (call.end_reason, call.resumes) == ("caller_hung_up", 1)
    assert [one.seq for one in await queries.get_lines("CA1")] == [1, 2]


async def test_calls_that_go_on_while_they_are_being_buried_are_open(database: Database) -> None:
    await give(database, "dead", *(started(call_sid) for call_sid in CALLS))
    await expire(database, "dead")
    await Leases(database, "heir").renew()
    async with Writer(database, "heir") as heir, asyncio.TaskGroup() as burials:
        for call_sid in CALLS:
            burials.create_task(Leases(database, "other").reap())
            heir.add(started(call_sid))
            await heir.flushed()
    assert await open_calls(database, "heir") == sorted(CALLS)
    assert await Leases(database, "other").reap() == []
