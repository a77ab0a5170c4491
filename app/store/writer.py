"""The one task of a process that writes what its calls ask for."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from app import metrics
from app.store.committer import Committer
from app.store.database import Database
from app.store.operations import InterimHeard, Operation, masked
from app.store.spool import Spool

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.15
"""From the first operation to its transaction. A viewer hardly notices; hundreds of lines share a commit."""

LATE_AFTER = 4
"""Times FLUSH_SECONDS. What a database that says nothing has not taken by then is put on disk."""

STUMBLE_SECONDS = 1.0
"""Before a batch is tried again that the writer itself, not the database, has failed on."""

LAST_FLUSH_SECONDS = 10.0
"""How long a process that ends waits for the database to take the rest."""


class Writer:
    """Writes in batches, in order, each operation exactly once, whatever happens to the connection.

    While the database is away, what comes (except interims) waits in memory, and in a spool on disk in case
    that this process ends before the database is back. An operation that the database refuses is logged and
    given up; the others go on.

    Use it as a context manager. Leaving it writes what is left.
    """

    def __init__(
        self, database: Database, owner: str, spools: Path | None = None, *, masking: bool = False
    ) -> None:
        """`owner` is this process's name in the database (`leases.new_owner`), never used before; `spools`
        the directory for its spool; `masking` takes people's numbers and addresses out of all words.
        """
        self._committer = Committer(database, owner)
        self._backlog = self._committer.backlog
        self._spool = Spool(spools, owner, database.encryption) if spools else None
        self._masking = masking
        self._full = False
        self._something = asyncio.Event()
        self._hurry = asyncio.Event()
        self._progress = asyncio.Condition()
        self._added = 0

    def add(self, operation: Operation) -> None:
        """Have this written. Returns at once, and never fails."""
        if self._committer.lost and isinstance(operation, InterimHeard):
            return
        if self._backlog.add(masked(operation) if self._masking else operation):
            self._added += 1
            self._something.set()
            self._full = False
            return
        metrics.STORE_LOST.inc()
        if not self._full:
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
            while self._backlog.settled < target:
                self._hurry.set()
                await self._progress.wait()

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._run(), name="store writer")]
        if self._spool:
            self._tasks.append(asyncio.create_task(self._watch(self._spool), name="store spool"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            async with asyncio.timeout(LAST_FLUSH_SECONDS):
                await self.flushed()
        except TimeoutError:
            log.critical("the database is gone, %d writes wait for it", len(self._backlog))
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
            await self._leave(self._spool)

    async def _leave(self, spool: Spool | None) -> None:
        """What could not be written is for the next process, if there is a spool."""
        left = len(self._backlog)
        if spool and not left:
            await spool.drop()
        elif spool and await self._keep(spool):
            log.warning("%d writes are left on disk; the next process on this STATE_DIR writes them", left)
            spool.close()
        elif left:
            metrics.STORE_LOST.inc(left)
            log.critical("%d writes are lost", left)

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
                    await self._committer.settle()
                except Exception:
                    # A mistake of ours. The batch is tried again: a writer that died would lose every call.
                    log.exception("the writer of the database stumbled and goes on")
                    await asyncio.sleep(STUMBLE_SECONDS)
                metrics.STORE_PENDING.set(len(self._backlog))
                async with self._progress:
                    self._progress.notify_all()

    async def _watch(self, spool: Spool) -> NoReturn:
        """Put on disk what the database does not take in time, and delete it once it is taken."""
        added = deque([0], maxlen=LATE_AFTER)
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            late = self._backlog.settled < added[0]
            added.append(self._added)
            if spool.last and self._backlog.settled >= spool.last:
                await spool.drop()
            elif late or self._committer.lost or spool.last:
                await self._keep(spool)

    async def _keep(self, spool: Spool) -> bool:
        """Whether everything that waits is on disk."""
        waiting = self._backlog.after(spool.last)
        return not waiting or await spool.keep(waiting)
