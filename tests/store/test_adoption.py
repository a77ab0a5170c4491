"""app.store.adoption: the writes of a process that died while the database was away."""

from __future__ import annotations

import asyncio
import base64
import logging
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from app.encryption import Encryption
from app.store.adoption import Adoption
from app.store.database import Database
from app.store.migrate import migrate
from app.store.operations import CallStarted, Operation
from app.store.queries import Queries
from app.store.spool import Numbered, Record, Spool
from app.store.writer import Writer
from tests.store.calls import LATER, NOON, finished, jobs, line, registered, started
from tests.store.postgres import Server, own_server

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()

VICTIM = """
import asyncio, sys
from pathlib import Path
from app.encryption import Encryption
from app.store.database import Database
from app.store.writer import Writer
from tests.store.calls import line, started

async def main():
    url, spools, key = sys.argv[1:]
    database = Database(url, Encryption([key]))
    async with database, Writer(database, "victim", Path(spools)) as writer:
        for seq in range(1, 10**6):
            if seq == 1:
                writer.add(started())
            writer.add(line(seq, text=f"words {seq}"))
            await asyncio.sleep(0.002)
            if seq == 100:
                await writer.flushed()
                print("flushed", flush=True)
            if writer._spool.last > 400:
                print(writer._spool.last - 1, flush=True)
                await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with own_server() as server:
        yield server


async def left(spools: Path, owner: str, operations: list[Numbered], encryption: Encryption) -> None:
    """As a process would that died."""
    spool = Spool(spools, owner, encryption)
    assert await spool.keep(operations)
    spool.close()


async def test_a_process_killed_during_an_outage_loses_no_line_and_writes_none_twice(
    server: Server, tmp_path: Path
) -> None:
    url = await server.start()
    await migrate(url)
    victim = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", VICTIM, url, str(tmp_path), KEY), stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    async with asyncio.timeout(40):
        assert await victim.stdout.readline() == b"flushed\n"
        await server.crash(signal.SIGQUIT)
        spooled = int(await victim.stdout.readline())
        victim.kill()
        await victim.wait()
        (spool,) = tmp_path.glob("*.spool")
        assert b"words" not in spool.read_bytes()
        await server.start()
        async with Database(url, Encryption([KEY])) as database:
            # Two that look at the same time do not both write.
            adopted = await asyncio.gather(*(Adoption(database, tmp_path).adopt() for _ in range(2)))
            assert 0 in adopted
            lines = await Queries(database).get_lines("CA1")
    assert [one.seq for one in lines] == list(range(1, spooled + 1))
    assert [one.text for one in lines] == [f"words {seq}" for seq in range(1, spooled + 1)]
    assert not list(tmp_path.iterdir())


async def test_what_was_committed_before_the_death_is_not_written_again(
    database: Database, queries: Queries, tmp_path: Path
) -> None:
    first: list[Operation] = [started(), finished(at=NOON), started(), line(1)]
    async with Writer(database, "dead") as writer:
        for operation in first:
            writer.add(operation)
    operations = [*first, line(2)]
    await left(tmp_path, "dead", list(enumerate(operations, 1)), database.encryption)
    assert await Adoption(database, tmp_path).adopt() == 1
    call = await queries.get_call("CA1")
    assert call is not None
    # Its first end, written again, would have ended it.
    assert (call.resumes, call.status) == (1, "in-progress")
    assert [one.seq for one in await queries.get_lines("CA1")] == [1, 2]


async def test_the_spool_of_a_living_process_is_left_alone(database: Database, tmp_path: Path) -> None:
    living = Spool(tmp_path, "living", database.encryption)
    await living.keep([(1, started())])
    assert await Adoption(database, tmp_path).adopt() == 0
    living.close()
    assert await Adoption(database, tmp_path).adopt() == 1


async def test_a_torn_last_record_is_no_damage_and_a_damaged_one_costs_no_other(
    database: Database, queries: Queries, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    four: list[Operation] = [started(), line(1), line(2), line(3)]
    for number, operation in enumerate(four, 1):
        await left(tmp_path / str(number), "dead", [(number, operation)], database.encryption)
    records = [(tmp_path / str(number) / "dead.spool").read_bytes() for number in range(1, 5)]
    records[1] = records[1].replace(b"hello", b"hallo")
    (tmp_path / "dead.spool").write_bytes(b"".join(records)[:-5])
    with caplog.at_level(logging.WARNING):
        assert await Adoption(database, tmp_path).adopt() == 2
    assert [one.seq for one in await queries.get_lines("CA1")] == [2]
    assert "1 records of its spool were damaged" in caplog.text


async def test_a_spool_whose_key_is_missing_waits_for_it(
    database: Database, queries: Queries, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await left(tmp_path, "dead", [(1, started())], Encryption([KEY]))
    adoption = Adoption(database, tmp_path)
    for _ in range(2):
        assert await adoption.adopt() == 0
    assert caplog.text.count("Put the key back") == 1
    database.encryption = Encryption([KEY])
    assert await Adoption(database, tmp_path).adopt() == 1
    assert await queries.get_call("CA1") is not None


async def test_a_call_that_another_process_has_taken_over_stays_with_it_and_gets_the_late_lines(
    database: Database, queries: Queries, tmp_path: Path
) -> None:
    async with Writer(database, "other") as other:
        other.add(registered())
        other.add(CallStarted("CA1", None, LATER))
        other.add(line(900, text="after"))
        await other.flushed()
        operations: list[Operation] = [started(), line(1, text="before"), finished()]
        await left(tmp_path, "dead", list(enumerate(operations, 1)), database.encryption)
        await Adoption(database, tmp_path).adopt()
        other.add(line(901, text="later"))
        await other.flushed()
    call = await queries.get_call("CA1")
    assert call is not None
    assert (call.status, call.started_at) == ("in-progress", NOON)
    assert [one.text for one in await queries.get_lines("CA1")] == ["before", "after", "later"]


async def test_a_call_that_was_over_before_its_last_lines_came_is_summarised_again(
    database: Database, tmp_path: Path
) -> None:
    async with Writer(database, "dead") as writer:
        writer.add(started())
        writer.add(finished())
    await left(tmp_path, "dead", [(3, line(1))], database.encryption)
    await Adoption(database, tmp_path).adopt()
    assert len(await jobs(database)) == 2


async def test_a_dead_process_was_alive_when_it_last_wrote_to_its_spool(
    database: Database, tmp_path: Path
) -> None:
    record = replace_time(Record.of(NOON, [(1, started())]), timedelta(seconds=5))
    (tmp_path / "dead.spool").write_bytes(record.encode(database.encryption, "dead"))
    await Adoption(database, tmp_path).adopt()
    async with database.engine.connect() as connection:
        lease = await connection.execute(text("SELECT lease_expires_at FROM processes WHERE owner = 'dead'"))
        assert lease.scalar_one() == NOON + timedelta(seconds=15)


def replace_time(record: Record, later: timedelta) -> Record:
    return Record(record.at + later, record.operations)


async def test_a_writer_that_ends_during_an_outage_leaves_its_spool(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.writer.LAST_FLUSH_SECONDS", 0.1)
    url = await server.start()
    await migrate(url)
    async with Database(url) as database:
        async with Writer(database, "me", tmp_path) as writer:
            writer.add(started())
            await writer.flushed()
            assert not list(tmp_path.iterdir())
            await server.crash()
            writer.add(replace(line(1), text="the last words"))
        await server.start()
        assert await Adoption(database, tmp_path).adopt() == 1
        assert [one.text for one in await Queries(database).get_lines("CA1")] == ["the last words"]


async def test_a_spool_is_deleted_as_soon_as_the_database_has_it_all(server: Server, tmp_path: Path) -> None:
    url = await server.start()
    await migrate(url)
    async with Database(url) as database, Writer(database, "me", tmp_path) as writer, asyncio.timeout(20):
        writer.add(started())
        await writer.flushed()
        await server.crash()
        writer.add(line(1))
        while not list(tmp_path.glob("*.spool")):
            await asyncio.sleep(0.02)
        await server.start()
        await writer.flushed()
        while list(tmp_path.iterdir()):
            await asyncio.sleep(0.02)
        assert [one.seq for one in await Queries(database).get_lines("CA1")] == [1]
