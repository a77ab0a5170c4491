"""app.store.writer: everything is written, once, in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import PoolProxiedConnection, event, text

from app.live.messages import CHANNEL, Changed, Interim, InterimLine, decode
from app.services.language_model.interface import Item
from app.store.database import Database
from app.store.operations import CallStarted, InterimHeard, ItemSaved, Operation
from app.store.queries import Queries
from app.store.writer import Writer
from tests.store.calls import LATER, NOON, finished, jobs, line, registered, started


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    async with Writer(database, "me") as writer:
        yield writer


async def write(database: Database, *operations: Operation, owner: str) -> None:
    """As another process would."""
    async with Writer(database, owner) as writer:
        for operation in operations:
            writer.add(operation)


async def test_a_call_from_webhook_to_end(writer: Writer, database: Database, queries: Queries) -> None:
    writer.add(registered(user_id="anna"))
    writer.add(started())
    writer.add(line(1, text="hello"))
    writer.add(line(2, text="good", is_final=False))
    writer.add(line(2, text="goodbye"))
    writer.add(finished())
    await writer.flushed()
    call = await queries.get_call("CA1")
    assert call is not None
    assert msgspec.to_builtins(call, builtin_types=(type(NOON),)) == {
        "call_sid": "CA1",
        "user_id": "anna",
        "direction": "inbound",
        "from_number": "+15550001111",
        "to_number": "+15550002222",
        "status": "completed",
        "started_at": NOON,
        "ended_at": LATER,
        "end_reason": "hangup",
        "answered_by": None,
        "stats": {"duration_ms": 5},
        "resumes": 0,
    }
    assert [(one.seq, one.text, one.is_final) for one in await queries.get_lines("CA1")] == [
        (1, "hello", True),
        (2, "goodbye", True),
    ]
    assert await jobs(database) == ['{"call_sid":"CA1","ended_at":"2025-11-21T12:05:00Z"}']


async def test_one_call_sid_is_one_call_however_often_it_is_registered(
    writer: Writer, queries: Queries
) -> None:
    for user in ("anna", "bert"):
        writer.add(registered(user_id=user))
    await writer.flushed()
    calls = await queries.list_calls()
    assert [(call.user_id, call.status) for call in calls] == [("anna", "ringing")]


async def test_a_stream_nobody_announced_makes_its_call(writer: Writer, queries: Queries) -> None:
    writer.add(started("CA123", "user1"))
    await writer.flushed()
    call = await queries.get_call("CA123")
    assert call is not None
    assert (call.status, call.user_id, call.resumes) == ("in-progress", "user1", 0)


async def test_a_call_ends_once_and_orders_one_summary(writer: Writer, database: Database) -> None:
    writer.add(started())
    writer.add(finished(reason="hangup"))
    writer.add(finished(reason="status_callback"))
    await writer.flushed()
    writer.add(finished(reason="idle"))
    await writer.flushed()
    assert len(await jobs(database)) == 1


async def test_the_end_makes_growing_lines_final_after_all_others(writer: Writer, queries: Queries) -> None:
    writer.add(started())
    writer.add(line(1, is_final=False))
    writer.add(line(2))
    writer.add(finished())
    await writer.flushed()
    lines = await queries.get_lines("CA1", final_only=True)
    assert [(one.seq, one.revision) for one in lines] == [(2, 2), (1, 3)]
    assert [one.seq for one in await queries.get_lines("CA1", final_only=True, after_revision=2)] == [1]


async def test_a_finished_call_is_resumed_and_its_summary_ordered_again(
    writer: Writer, database: Database, queries: Queries
) -> None:
    for operation in (
        started(),
        line(1),
        finished(at=LATER - timedelta(minutes=1)),
        started(),
        line(2),
        finished(),
    ):
        writer.add(operation)
    await writer.flushed()
    state = await queries.resume_state("CA1")
    assert state is not None
    assert (state.resumes, state.end_reason, [one.seq for one in state.lines]) == (1, "hangup", [1, 2])
    assert len(await jobs(database)) == 2


async def test_a_process_does_not_end_a_call_that_another_has_taken_over(
    database: Database, queries: Queries
) -> None:
    await write(database, started(), owner="first")
    await write(database, started(), owner="second")
    await write(database, finished(), owner="third")
    call = await queries.get_call("CA1")
    assert call is not None
    assert (call.status, call.resumes) == ("in-progress", 1)


async def test_late_lines_are_kept_but_not_written_over_those_of_a_process_that_has_taken_the_call_over(
    writer: Writer, database: Database, queries: Queries
) -> None:
    writer.add(started())
    writer.add(line(1, text="before"))
    await writer.flushed()
    await write(database, started(), line(2, text="after"), owner="other")
    for seq in (1, 2, 3):
        writer.add(line(seq, text="late"))
    await writer.flushed()
    assert [one.text for one in await queries.get_lines("CA1")] == ["before", "after", "late"]


async def test_a_line_grows_whatever_calls_other_processes_have(
    writer: Writer, database: Database, queries: Queries
) -> None:
    await write(database, started("CA2"), line(1, "CA2"), owner="other")
    writer.add(started())
    writer.add(line(1, text="Hello,", is_final=False))
    await writer.flushed()
    writer.add(line(1, text="Hello, this is Offhook."))
    await writer.flushed()
    assert [one.text for one in await queries.get_lines("CA1")] == ["Hello, this is Offhook."]


async def test_lines_of_a_call_that_nobody_has_yet_are_written(writer: Writer, queries: Queries) -> None:
    writer.add(registered())
    writer.add(line(1))
    await writer.flushed()
    assert [one.seq for one in await queries.get_lines("CA1")] == [1]


async def test_saving_an_item_again_corrects_it_and_keeps_its_place(writer: Writer, queries: Queries) -> None:
    writer.add(started(user_id="anna"))
    writer.add(ItemSaved("CA1", Item("a", "reminder", "call Bert", NOON)))
    writer.add(ItemSaved("CA1", Item("b", "note", "milk")))
    await writer.flushed()
    writer.add(ItemSaved("CA1", Item("a", "reminder", "call Bert", LATER)))
    await writer.flushed()
    assert await queries.get_items("CA1") == [
        Item("a", "reminder", "call Bert", LATER),
        Item("b", "note", "milk"),
    ]
    # The reminder's time has passed by the database's clock; a note without a time stays open.
    assert await queries.open_items("anna") == [Item("b", "note", "milk")]


async def test_an_operation_the_database_refuses_is_lost_alone_and_named_without_its_words(
    writer: Writer, queries: Queries, caplog: pytest.LogCaptureFixture
) -> None:
    writer.add(started())
    for seq in range(1, 40):
        writer.add(line(seq))
    writer.add(line(2**40, text="secret words"))
    writer.add(line(40, call_sid="CA-unknown", text="secret words"))
    for seq in range(41, 50):
        writer.add(line(seq))
    with caplog.at_level(logging.ERROR):
        await writer.flushed()
    assert [one.seq for one in await queries.get_lines("CA1")] == [*range(1, 40), *range(41, 50)]
    refusals = [record.getMessage() for record in caplog.records if "refuses" in record.getMessage()]
    assert len(refusals) == 2
    assert "CA-unknown" in refusals[1]
    assert "secret" not in caplog.text


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text(max_size=20))
async def test_any_text_can_be_stored(writer: Writer, queries: Queries, words: str) -> None:
    writer.add(started())
    writer.add(line(1, text=words + "\0\ud800"))
    await writer.flushed()
    stored = (await queries.get_lines("CA1"))[0].text
    assert stored == (words + "\ud800").replace("\0", "").encode("utf-8", "replace").decode()


async def test_viewers_are_told_of_what_was_committed(writer: Writer, database: Database) -> None:
    heard: asyncio.Queue[object] = asyncio.Queue()
    listener = await database.listener()
    await listener.add_listener(CHANNEL, lambda *args: heard.put_nowait(decode(str(args[3]))))
    writer.add(started())
    writer.add(InterimHeard("CA1", 1, "user", "hel", 100))
    writer.add(InterimHeard("CA1", 1, "user", "hello", 100))
    writer.add(line(2, text="good day\ud800", is_final=False))
    await writer.flushed()
    writer.add(InterimHeard("CA1", 1, "user", "hello", 100))
    writer.add(line(1))
    await writer.flushed()
    await listener.close()
    assert [heard.get_nowait() for _ in range(heard.qsize())] == [
        Changed("CA1", "status"),
        Interim("CA1", InterimLine(1, "user", "hello", 100)),
        Interim("CA1", InterimLine(2, "user", "good day?", 0)),
        Changed("CA1", "lines"),
    ]


async def test_a_batch_whose_commit_got_lost_on_the_way_back_is_not_written_twice(
    writer: Writer, database: Database, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to COMMIT is the one moment in which a client cannot know."""
    dialect = database.engine.sync_engine.dialect
    commit = dialect.do_commit
    lost: list[object] = []

    def commit_and_lose_the_first_answer(connection: PoolProxiedConnection) -> None:
        commit(connection)
        if not lost:
            lost.append(connection)
            raise ConnectionResetError("the answer to COMMIT got lost")

    monkeypatch.setattr(dialect, "do_commit", commit_and_lose_the_first_answer)
    # A resumed call that ends: written twice, it would be resumed twice and summarised twice.
    for operation in (started(), finished(at=NOON), started(), line(1), finished()):
        writer.add(operation)
    await writer.flushed()
    assert lost
    call = await queries.get_call("CA1")
    assert call is not None
    assert call.resumes == 1
    assert len(await jobs(database)) == 2


async def test_writing_never_waits_and_one_transaction_takes_many_lines(
    writer: Writer, database: Database
) -> None:
    commits: list[object] = []
    event.listen(database.engine.sync_engine, "commit", commits.append)
    writer.add(started())
    for seq in range(500):
        writer.add(line(seq))
    await writer.flushed()
    assert len(commits) == 1


async def test_leaving_writes_what_is_left(database: Database, queries: Queries) -> None:
    async with Writer(database, "me") as writer:
        writer.add(started())
        writer.add(line(1))
    assert len(await queries.get_lines("CA1")) == 1


async def test_lines_survive_connections_that_are_cut_again_and_again(
    writer: Writer, database: Database, postgres_url: str, queries: Queries
) -> None:
    writer.add(started())
    killer = await asyncpg.connect(postgres_url)
    seq = 0
    for _ in range(8):
        for _ in range(50):
            seq += 1
            writer.add(line(seq))
            await asyncio.sleep(0)
        await killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await asyncio.sleep(0.1)
    await killer.close()
    await writer.flushed()
    assert [one.seq for one in await queries.get_lines("CA1")] == list(range(1, seq + 1))


async def test_calls_are_listed_newest_first_and_by_user(writer: Writer, queries: Queries) -> None:
    for hour, user in enumerate(["anna", "bert", "anna"]):
        began = NOON + timedelta(hours=hour)
        writer.add(CallStarted(f"CA{hour}", user, began))
    await writer.flushed()
    assert [call.call_sid for call in await queries.list_calls()] == ["CA2", "CA1", "CA0"]
    assert [call.call_sid for call in await queries.list_calls("anna", limit=1)] == ["CA2"]
    before = NOON + timedelta(hours=2)
    assert [call.call_sid for call in await queries.list_calls("anna", before=before)] == ["CA0"]


async def test_a_number_leads_to_its_user(database: Database, queries: Queries) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("INSERT INTO users (id) VALUES ('anna')"))
        await connection.execute(text("INSERT INTO phone_numbers VALUES ('+15550001111', 'anna')"))
    assert await queries.user_of_number("+15550001111") == "anna"
    assert await queries.user_of_number("+15550009999") is None
    assert await queries.resume_state("CA-unknown") is None
