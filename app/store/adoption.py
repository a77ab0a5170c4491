"""The spools of processes that died: any process on the same STATE_DIR writes them, each operation once."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NoReturn

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app import metrics
from app.encryption import UnreadableError
from app.store.committer import Committer
from app.store.database import Database, Lost, why
from app.store.ending import settle
from app.store.processes import written
from app.store.spool import Record, TornError
from app.store.tables import calls

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""Between two looks for spools without a process."""


class Adoption:
    """Looks for spools whose process is dead. Run `run` beside the calls, or beside the jobs."""

    def __init__(self, database: Database, directory: Path) -> None:
        self._database = database
        self._directory = directory
        self._unreadable: set[Path] = set()

    async def run(self) -> NoReturn:
        """Look and write until cancelled."""
        while True:
            try:
                await self.adopt()
            except (*Lost, OSError) as error:
                log.warning("a spool cannot be written to the database yet: %s", why(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def adopt(self) -> int:
        """Write what dead processes left. How many operations that were."""
        count = 0
        for path in sorted(self._directory.glob("*.spool")):
            if path not in self._unreadable:
                # Another process may have written and deleted it just now.
                with suppress(FileNotFoundError), path.open("rb") as file:
                    if _orphaned(file):
                        count += await self._adopt(path, file)
        metrics.ADOPTED.inc(count)
        return count

    async def _adopt(self, path: Path, file: BinaryIO) -> int:
        try:
            count = await self._write(path.stem, file)
        except UnreadableError as error:
            self._unreadable.add(path)
            log.error("%s waits: %s Put the key back and start again.", path, error)  # noqa: TRY400
            return 0
        await asyncio.to_thread(path.unlink)
        return count

    async def _write(self, owner: str, file: BinaryIO) -> int:
        done = await self._database.run(lambda connection: written(connection, owner))
        committer = Committer(self._database, owner)
        count = damaged = 0
        touched: set[str] = set()
        while line := await asyncio.to_thread(file.readline):
            try:
                record = Record.decode(line, self._database.encryption, owner)
            except TornError:
                # The last one, which its process did not live to finish, is no damage.
                damaged += line.endswith(b"\n")
                continue
            for number, operation in record.numbered():
                if number > done:
                    committer.backlog.add(operation, number)
                    done = number
                    touched.add(operation.call_sid)
                    count += 1
            while len(committer.backlog):
                await committer.settle(record.at)
        await self._database.run(lambda connection: _settle_again(connection, touched))
        log.warning("%d writes of %s, which has died, are in the database now", count, owner)
        if damaged:
            log.error("%d records of its spool were damaged and are lost", damaged)
        return count


async def _settle_again(connection: AsyncConnection, sids: set[str]) -> None:
    """Calls that ended before their last lines came get another summary, of all of them."""
    ended = select(calls.c.call_sid, calls.c.ended_at).where(
        calls.c.call_sid.in_(sids), calls.c.ended_at.is_not(None)
    )
    found = await connection.execute(ended.with_for_update())
    await settle(connection, [(row.call_sid, row.ended_at) for row in found])


def _orphaned(file: BinaryIO) -> bool:
    """Whether the process of this spool is dead and nobody else writes it; it is ours then."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    # Another one may have written and deleted it since it was opened.
    return os.fstat(file.fileno()).st_nlink > 0
