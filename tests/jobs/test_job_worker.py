"""app.jobs: a summary is written once, whatever breaks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from pgqueuer.models import Job
from pgqueuer.queries import Queries as JobQueue
from sqlalchemy import text

from app.jobs import worker
from app.jobs.summaries import Summaries
from app.jobs.worker import JobWorker
from app.services.language_model.interface import Item, Message
from app.services.summarizer.interface import ActionItem, Summary
from app.store.database import Database
from app.store.ending import SummaryOrder
from app.store.operations import ItemSaved, Operation
from app.store.queries import Queries
from app.store.writer import Writer
from tests.store.calls import LATER, NOON, finished, line, started

KILLED_IN_THE_MIDDLE = """
import asyncio, sys
from app.jobs.worker import JobWorker
from app.store.database import Database

class Stuck:
    name = "stuck"

    async def summarize(self, messages, items, now):
        print("summarizing", flush=True)
        await asyncio.Event().wait()

async def main():
    async with Database(sys.argv[1]) as database:
        await JobWorker(database, Stuck()).run()

asyncio.run(main())
"""


class Counting:
    """Writes down how much was said. The first `failures` times it fails."""

    name = "counting"

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.starts = 0
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def summarize(self, messages: Sequence[Message], items: Sequence[Item], now: datetime) -> Summary:
        self.starts += 1
        self.started.set()
        await self.go_on.wait()
        if self.starts <= self.failures:
            raise ConnectionError("the model is away")
        actions = tuple(ActionItem(item.text, item.due_at, item.kind) for item in items)
        return Summary(f"{len(messages)} lines until {now:%H:%M}", ("first\0", "second"), actions, self.name)


async def write(database: Database, *operations: Operation) -> None:
    async with Writer(database, f"writer-{id(operations)}") as writer:
        for operation in operations:
            writer.add(operation)


@asynccontextmanager
async def working(database: Database, summarizer: Counting) -> AsyncIterator[None]:
    task = asyncio.create_task(JobWorker(database, summarizer).run())
    try:
        async with asyncio.timeout(25):
            yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def eventually(look: Callable[[], Awaitable[object]]) -> None:
    """Until another connection sees it; nothing announces a job's end."""
    while not await look():
        await asyncio.sleep(0.05)


async def queue(database: Database) -> list[str]:
    async with database.engine.connect() as connection:
        rows = await connection.execute(text("SELECT status::text AS status FROM pgqueuer"))
        return [row.status for row in rows]


async def empty(database: Database) -> bool:
    return not await queue(database)


async def test_a_call_that_ends_gets_its_summary_at_once(database: Database, queries: Queries) -> None:
    item = Item("a", "reminder", "call Bert", datetime(2026, 12, 24, 9, tzinfo=UTC))
    async with working(database, Counting()):
        # The worker waits for news when the call ends.
        await asyncio.sleep(0.3)
        await write(database, started(), line(1), line(2), ItemSaved("CA1", item), finished())
        begun = asyncio.get_running_loop().time()
        await eventually(lambda: queries.get_summary("CA1"))
        assert asyncio.get_running_loop().time() - begun < 1.5
        await eventually(lambda: empty(database))
    summary = await queries.get_summary("CA1")
    assert summary is not None
    assert summary.summary == "2 lines until 12:05"
    assert summary.key_points == ["first", "second"]
    assert summary.action_items == [ActionItem(item.text, item.due_at, item.kind)]
    assert summary.model == "counting"
    assert summary.created_at.tzinfo is not None


async def test_a_summary_tells_the_hours_of_the_callers_time_zone(
    database: Database, queries: Queries
) -> None:
    due = datetime(2025, 12, 24, 9, tzinfo=UTC)
    items = (
        ItemSaved("CA1", Item("a", "reminder", "call", due)),
        ItemSaved("CA1", Item("b", "note", "milk")),
    )
    await write(database, started(), line(1), *items, finished())
    assert await Summaries(database, Counting(), ZoneInfo("Europe/Berlin")).write(SummaryOrder("CA1", LATER))
    summary = await queries.get_summary("CA1")
    assert summary is not None
    assert summary.summary == "1 lines until 13:05"
    assert [str(action.due_at) for action in summary.action_items] == ["2025-12-24 10:00:00+01:00", "None"]


async def test_a_job_is_not_held_for_a_database_that_failed_when_it_began(
    database: Database, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, failures = worker._starts, iter([asyncpg.QueryCanceledError("canceling statement")])

    async def starts(queue: JobQueue, job: Job) -> int:
        for failure in failures:
            raise failure
        return await count(queue, job)

    monkeypatch.setattr(worker, "_starts", starts)
    monkeypatch.setattr(worker, "POLL", timedelta(seconds=0.2))
    await write(database, started(), line(1), finished())
    async with working(database, Counting()):
        await eventually(lambda: queries.get_summary("CA1"))


async def test_an_order_carried_out_twice_gives_one_summary(database: Database) -> None:
    await write(database, started(), line(1), finished())
    summaries = Summaries(database, Counting())
    order = SummaryOrder("CA1", LATER)
    assert sorted(await asyncio.gather(*(summaries.write(order) for _ in range(5)))) == [False] * 4 + [True]
    assert not await summaries.write(order)


async def test_a_call_that_was_resumed_or_erased_meanwhile_is_not_summarised(
    database: Database, queries: Queries
) -> None:
    await write(database, started(), finished(at=NOON))
    counting = Counting()
    counting.go_on.clear()
    summaries = Summaries(database, counting)
    writing = asyncio.create_task(summaries.write(SummaryOrder("CA1", NOON)))
    await counting.started.wait()
    await write(database, started())
    counting.go_on.set()
    assert not await writing
    assert await queries.get_summary("CA1") is None
    assert not await summaries.write(SummaryOrder("CA1", NOON))
    assert not await summaries.write(SummaryOrder("CA-erased", NOON))


async def test_a_worker_killed_in_the_middle_is_replaced_by_another(
    database: Database, postgres_url: str, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "HEARTBEAT", timedelta(seconds=2))
    await write(database, started(), line(1), finished())
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED_IN_THE_MIDDLE, postgres_url, stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    assert await victim.stdout.readline() == b"summarizing\n"
    victim.kill()
    await victim.wait()
    async with working(database, Counting()):
        await eventually(lambda: queries.get_summary("CA1"))
        await eventually(lambda: empty(database))


async def test_a_worker_that_is_stopped_puts_its_job_back(database: Database, queries: Queries) -> None:
    await write(database, started(), line(1), finished())
    slow = Counting()
    slow.go_on.clear()
    async with working(database, slow):
        await slow.started.wait()
    assert await queue(database) == ["queued"]
    async with working(database, Counting()):
        await eventually(lambda: queries.get_summary("CA1"))


async def test_the_worker_survives_the_loss_of_its_connection(
    database: Database, postgres_url: str, queries: Queries
) -> None:
    async with working(database, Counting()):
        await write(database, started("CA1"), finished("CA1"))
        await eventually(lambda: queries.get_summary("CA1"))
        killer = await asyncpg.connect(postgres_url)
        await killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await killer.close()
        await write(database, started("CA2"), finished("CA2"))
        await eventually(lambda: queries.get_summary("CA2"))


async def test_a_summary_that_fails_is_tried_again(
    database: Database, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LONGEST_DELAY", timedelta(seconds=0.1))
    await write(database, started(), finished())
    failing = Counting(failures=2)
    async with working(database, failing):
        await eventually(lambda: queries.get_summary("CA1"))
    assert failing.starts == 3


async def test_a_summary_that_always_fails_is_held_for_a_person(
    database: Database, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LONGEST_DELAY", timedelta(seconds=0.05))
    monkeypatch.setattr(worker, "MOST_STARTS", 3)
    await write(database, started("CA1"), finished("CA1"))
    failing = Counting(failures=3)

    async def held() -> bool:
        return await queue(database) == ["failed"]

    async with working(database, failing):
        await eventually(held)
        assert failing.starts == 3
        # Put back by a person, it gets all its starts again, and others were not held up.
        await write(database, started("CA2"), finished("CA2"))
        async with database.engine.begin() as connection:
            await connection.execute(
                text("UPDATE pgqueuer SET status = 'queued', queue_manager_id = NULL WHERE status = 'failed'")
            )
        await eventually(lambda: queries.get_summary("CA1"))
        await eventually(lambda: queries.get_summary("CA2"))
