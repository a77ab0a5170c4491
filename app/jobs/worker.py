"""Runs the jobs: pgqueuer's worker, kept alive, with a limit on how often a job may bring it down."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, timedelta, tzinfo
from typing import NoReturn

import msgspec
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries as JobQueue

from app import metrics
from app.jobs.summaries import Summaries
from app.services.summarizer.interface import Summarizer
from app.store.database import Database, Lost, pause, why
from app.store.ending import SUMMARIZE, SummaryOrder

log = logging.getLogger(__name__)

POLL = timedelta(seconds=2)
"""A new job is announced (NOTIFY) and starts at once. This finds the abandoned, and a lost connection."""

HEARTBEAT = timedelta(seconds=6)
"""A job whose worker was killed is taken up by another after this long. A live one beats at half of it."""

MOST_STARTS = 8
"""Then a job is held: it fails, or kills its worker, every time. With the delays, after six minutes."""

LONGEST_DELAY = timedelta(minutes=2)

JOBS_AT_ONCE = 4


class GivenUpError(Exception):
    """A job was started too often without coming to an end. pgqueuer holds it for a person to look at."""


class JobWorker:
    """Works off the queue. Run `run` inside the server, or by itself; any number of them may."""

    def __init__(self, database: Database, summarizer: Summarizer, zone: tzinfo = UTC) -> None:
        """`zone` is the callers' time zone: the hours of a summary are theirs."""
        self._database = database
        self._summaries = Summaries(database, summarizer, zone)

    async def run(self) -> NoReturn:
        """Work until cancelled, through outages of the database.

        A job that runs when this is cancelled is put back, for the next worker.
        """
        attempt = 0
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                await self._work()
            # Whatever brings pgqueuer down: a lost connection shows in many ways, and calls still end.
            except Exception as error:
                if asyncio.get_running_loop().time() - begun > 60:
                    attempt = 0
                attempt += 1
                log.warning("the job worker starts again: %s", why(error))
                await pause(attempt)

    async def _work(self) -> None:
        """One life of pgqueuer's manager, on one connection. It ends with the connection."""
        connection = await self._database.listener()
        try:
            queue = JobQueue.from_asyncpg_connection(connection)
            manager = QueueManager(queue)
            running: set[asyncio.Task[object]] = set()

            @manager.entrypoint(SUMMARIZE, on_failure="hold")
            async def summarize(job: Job) -> None:
                task = asyncio.current_task()
                assert task is not None
                running.add(task)
                try:
                    await self._summarize(job, await _starts(queue, job))
                except asyncio.CancelledError:
                    # pgqueuer deletes a job that is cancelled; this one is only interrupted.
                    raise RetryRequested(reason="its worker stopped") from None
                except Lost as error:
                    # Not the job's fault: it must not be held for that.
                    raise RetryRequested(POLL, reason=type(error).__name__) from None
                finally:
                    running.discard(task)

            working = asyncio.create_task(
                manager.run(
                    dequeue_timeout=POLL,
                    heartbeat_timeout=HEARTBEAT,
                    batch_size=JOBS_AT_ONCE // 2,
                    max_concurrent_tasks=JOBS_AT_ONCE,
                    shutdown_on_listener_failure=True,
                )
            )
            try:
                await asyncio.shield(working)
            except asyncio.CancelledError:
                manager.shutdown.set()
                for task in running:
                    task.cancel()
                await asyncio.wait([working])
                raise
        finally:
            connection.terminate()

    async def _summarize(self, job: Job, starts: int) -> None:
        order = msgspec.json.decode(job.payload or b"", type=SummaryOrder)
        if starts > MOST_STARTS:
            metrics.JOBS_DONE.labels(outcome="held").inc()
            log.error(
                "call %s: its summary failed %d times; job %d is held", order.call_sid, starts - 1, job.id
            )
            raise GivenUpError(f"call {order.call_sid}: started {starts - 1} times without coming to an end")
        try:
            written = await self._summaries.write(order)
        except Exception as error:
            metrics.JOBS_DONE.labels(outcome="retried").inc()
            delay = min(timedelta(seconds=2**starts), LONGEST_DELAY)
            log.warning(
                "call %s: its summary failed (%s); again in %s", order.call_sid, type(error).__name__, delay
            )
            raise RetryRequested(delay, reason=type(error).__name__) from None
        metrics.JOBS_DONE.labels(outcome="written" if written else "unneeded").inc()


async def _starts(queue: JobQueue, job: Job) -> int:
    """How often the job was begun since a person last put it back, this time included.

    From pgqueuer's log: its own counter does not see the starts that ended with a killed worker.
    """
    log_table = queue.qbe.qualified.queue_table_log
    rows = await queue.driver.fetch(
        f"""SELECT count(*) AS starts FROM {log_table} WHERE job_id = $1 AND status = 'picked' AND id >
        coalesce((SELECT max(id) FROM {log_table} WHERE job_id = $1 AND status = 'failed'), 0)""",  # noqa: S608
        job.id,
    )
    return int(str(rows[0]["starts"]))
