"""The one task of a process that writes what its calls ask for."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from types import TracebackType
from typing import NoReturn, Self

from app import metrics
from app.store.backlog import Backlog
from app.store.database import Database, Lost, driver_error, pause, refused, why
from app.store.operations import InterimHeard, Operation
from app.store.writes import write_batch

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.15
"""From the first operation to its transaction. A viewer hardly notices; hundreds of lines share a commit."""

STUMBLE_SECONDS = 1.0
"""Before a batch is tried again that the writer itself, not the database, has failed on."""

LAST_FLUSH_SECONDS = 10.0
"""How long a process that ends waits for the database to take the rest."""


class Writer:
    """Writes in batches, in order, each operation exactly once, whatever happens to the connection.

    A database outage costs nothing but memory: what comes meanwhile, except interims, waits and is written
    when the database is back. An operation that the database refuses is logged and given up; the others go
    on.

    Use it as a context manager. Leaving it writes what is left.
    """

    def __init__(self, database: Database, owner: str) -> None:
        """`owner` is this process's name in the database (`leases.new_owner`), never used before."""
        self._database = database
        self._owner = owner
        self._backlog = Backlog()
        self._number = 1
        self._lost = False
        self._full = False
        self._added = 0
        self._something = asyncio.Event()
        self._hurry = asyncio.Event()
        self._progress = asyncio.Condition()

    def add(self, operation: Operation) -> None:
        """Have this written. Returns at once, and never fails."""
        if self._lost and isinstance(operation, InterimHeard):
            return
        if self._backlog.add(operation):
            self._added += 1
            self._something.set()
            self._full = False
        elif not self._full:
            self._full = True
            log.critical(
                "%d writes wait for the database, no more fit: NEW ONES ARE LOST", len(self._backlog)
            )

    async def flushed(self) -> None:
        """Wait until everything added so far is committed, or was refused by the database.

        Without end while the database is away: give it a time limit with `asyncio.timeout`.
        """
        target = self._added
        async with self._progress:
            while self._added - len(self._backlog) < target:
                self._hurry.set()
                await self._progress.wait()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="store writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            async with asyncio.timeout(LAST_FLUSH_SECONDS):
                await self.flushed()
        except TimeoutError:
            log.critical("the database is gone: %d writes are lost", len(self._backlog))
        finally:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> NoReturn:
        while True:
            await self._something.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._hurry.wait()
            self._something.clear()
            self._hurry.clear()
            while len(self._backlog):
                try:
                    await self._flush()
                except Exception:
                    # A mistake of ours. The batch is tried again: a writer that died would lose every call.
                    log.exception("the writer of the database stumbled and goes on")
                    await asyncio.sleep(STUMBLE_SECONDS)
                metrics.STORE_PENDING.set(len(self._backlog))
                async with self._progress:
                    self._progress.notify_all()

    async def _flush(self) -> None:
        """Settle one batch: commit it, or learn that it cannot be."""
        batch = self._backlog.batch()
        attempt = 0
        while True:
            started = time.perf_counter()
            try:
                async with self._database.engine.begin() as connection:
                    await write_batch(connection, self._owner, self._number, batch)
            except Lost as error:
                metrics.STORE_ERRORS.inc()
                if refused(error):
                    return self._refused(error)
                attempt += 1
                self._outage(error)
                await pause(attempt)
            except Exception as error:
                # Not the database: the operation itself is wrong. It must not stop the others.
                metrics.STORE_ERRORS.inc()
                return self._refused(error)
            else:
                metrics.STORE_FLUSH_SECONDS.observe(time.perf_counter() - started)
                return self._committed()

    def _committed(self) -> None:
        self._backlog.committed()
        self._number += 1
        if self._lost:
            self._lost = False
            log.warning("the database is back; writing the %d operations that waited", len(self._backlog))

    def _refused(self, error: Exception) -> None:
        given_up = self._backlog.refused()
        if given_up is not None:
            # Not the words of the call, which the database's message may repeat: only what kind of error.
            log.error(
                "call %s: the database refuses a %s (%s); it is lost",
                given_up.call_sid,
                type(given_up).__name__,
                type(driver_error(error)).__name__,
            )

    def _outage(self, error: Exception) -> None:
        metrics.STORE_PENDING.set(len(self._backlog))
        if not self._lost:
            self._lost = True
            log.error("the database is lost (%s); writes wait in memory", why(error))
