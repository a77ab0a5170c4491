"""app.store.erasure: nothing is left of a call, and nothing brings it back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from app.jobs.housekeeping import Housekeeping
from app.live.events import LiveEvents
from app.live.messages import Changed
from app.services.language_model.interface import Item
from app.store.adoption import Adoption
from app.store.database import Database
from app.store.erasure import Erasure
from app.store.operations import CallFinished, CallStarted, ItemSaved
from app.store.queries import Queries
from app.store.spool import Spool
from app.store.writer import Writer
from app.store.writes import write_batch
from tests.store.calls import finished, jobs, line, registered, started


@pytest.fixture
def erasure(database: Database) -> Erasure:
    return Erasure(database)


async def whole_call(database: Database, call_sid: str = "CA1", user_id: str | None = None) -> None:
    async with Writer(database, f"writer of {call_sid}") as writer:
        writer.add(started(call_sid, user_id))
        writer.add(line(1, call_sid))
        writer.add(ItemSaved(call_sid, Item(f"item of {call_sid}", "note", "milk")))
        writer.add(finished(call_sid))


async def test_an_erased_call_leaves_nothing_but_its_tombstone(database: Database, erasure: Erasure) -> None:
    await whole_call(database)
    assert await erasure.call("CA1")
    assert not await erasure.call("CA1")
    async with database.engine.connect() as connection:
        for table in ("calls", "transcript_lines", "call_items", "call_summaries", "pgqueuer"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_an_open_call_is_not_erased(database: Database, erasure: Erasure, queries: Queries) -> None:
    async with Writer(database, "me") as writer:
        writer.add(started())
    assert not await erasure.call("CA1")
    assert await queries.get_call("CA1") is not None


async def test_what_comes_late_does_not_bring_an_erased_call_back(
    database: Database, erasure: Erasure, queries: Queries, tmp_path: Path
) -> None:
    await whole_call(database)
    await erasure.call("CA1")
    async with Writer(database, "late") as writer:
        for operation in (registered(), started(), line(2), finished(), started("CA2"), line(1, "CA2")):
            writer.add(operation)
    spool = Spool(tmp_path, "dead", database.encryption)
    await spool.keep([(1, started()), (2, line(3))])
    spool.close()
    await Adoption(database, tmp_path).adopt()
    assert await queries.get_call("CA1") is None
    assert await jobs(database) == []
    assert [one.seq for one in await queries.get_lines("CA2")] == [1]


async def test_a_stream_that_begins_after_the_erasure_is_another_call(
    database: Database, erasure: Erasure, queries: Queries
) -> None:
    await whole_call(database)
    await erasure.call("CA1")
    async with Writer(database, "by hand") as writer:
        writer.add(CallStarted("CA1", None, datetime.now(UTC) + timedelta(seconds=1)))
        writer.add(line(7))
        await writer.flushed()
        writer.add(line(8))
    assert [one.seq for one in await queries.get_lines("CA1")] == [7, 8]


async def test_an_erasure_waits_for_batches_that_have_looked_for_tombstones_before(
    database: Database, erasure: Erasure
) -> None:
    await whole_call(database)
    async with database.engine.begin() as connection:
        # It does not touch the call, which it might have to do next.
        await write_batch(connection, database.encryption, "other", 1, [started("CA2")])
        erasing = asyncio.create_task(erasure.call("CA1"))
        async with database.engine.connect() as looking:
            while not await looking.scalar(
                text("SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'")
            ):
                await asyncio.sleep(0.01)
        assert not erasing.done()
    assert await erasing


async def test_a_users_calls_name_and_numbers_are_erased_and_nobody_elses(
    database: Database, erasure: Erasure, queries: Queries
) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("INSERT INTO users (id) VALUES ('anna'), ('bert')"))
        await connection.execute(text("INSERT INTO phone_numbers VALUES ('+15550001111', 'anna')"))
    for number, user in enumerate(["anna", "bert", "anna"]):
        await whole_call(database, f"CA{number}", user)
    assert await erasure.user("anna") == 2
    assert [call.user_id for call in await queries.list_calls()] == ["bert"]
    assert await queries.user_of_number("+15550001111") is None


async def test_calls_are_erased_by_age_in_any_number(
    database: Database, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.erasure.AT_ONCE", 3)
    async with Writer(database, "me") as writer:
        for days in range(10):
            ended = datetime.now(UTC) - timedelta(days=days, hours=1)
            writer.add(CallStarted(f"CA{days}", None, ended - timedelta(minutes=1)))
            writer.add(CallFinished(f"CA{days}", "completed", "hangup", ended))
        writer.add(CallStarted("CA-open", None, datetime.now(UTC) - timedelta(days=30)))
    await Housekeeping(database, timedelta(days=2)).tidy()
    assert sorted(call.call_sid for call in await queries.list_calls()) == ["CA-open", "CA0", "CA1"]
    await Housekeeping(database, None).tidy()
    assert len(await queries.list_calls()) == 3


async def test_whoever_watches_an_erased_call_is_told_to_look_again(
    database: Database, erasure: Erasure
) -> None:
    await whole_call(database)
    live = LiveEvents(database)
    listening = asyncio.create_task(live.run())
    async with live.watch("CA1") as events, asyncio.timeout(10):
        poked = {str(await anext(events)) for _ in range(3)}
        assert len(poked) == 3
        await erasure.call("CA1")
        assert await anext(events) == Changed("CA1", "status")
    listening.cancel()


async def test_tombstones_are_kept_as_long_as_a_spool_may_come_back(
    database: Database, erasure: Erasure
) -> None:
    await whole_call(database)
    await erasure.call("CA1")

    async def tombstones() -> int:
        await erasure.forget_tombstones()
        async with database.engine.connect() as connection:
            return int((await connection.execute(text("SELECT count(*) FROM erased_calls"))).scalar_one())

    assert await tombstones() == 1
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE erased_calls SET erased_at = now() - interval '91 days'"))
    assert await tombstones() == 0
