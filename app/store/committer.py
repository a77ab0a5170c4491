"""Takes one process's operations into the database, batch by batch, through outages."""

from __future__ import annotations

import logging
import time
from datetime import datetime

from app import metrics
from app.store.backlog import Backlog
from app.store.database import Database, Lost, driver_error, pause, refused, why
from app.store.writes import write_batch

log = logging.getLogger(__name__)


class Committer:
    """Each operation is committed once, or refused by the database, in the order of the backlog."""

    def __init__(self, database: Database, owner: str) -> None:
        self.backlog = Backlog()
        self.lost = False
        """Whether the database did not answer when it was last asked."""
        self._database = database
        self._owner = owner

    async def settle(self, alive_at: datetime | None = None) -> None:
        """Settle the next batch: commit it, or learn that it cannot be. Without end while the database is
        away. `alive_at`: see `write_batch`.
        """
        batch, number = self.backlog.batch(), self.backlog.number
        attempt = 0
        while True:
            started = time.perf_counter()
            try:
                async with self._database.engine.begin() as connection:
                    encryption = self._database.encryption
                    await write_batch(connection, encryption, self._owner, number, batch, alive_at=alive_at)
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
        self.backlog.committed()
        if self.lost:
            self.lost = False
            log.warning("the database is back; writing the %d operations that waited", len(self.backlog))

    def _refused(self, error: Exception) -> None:
        given_up = self.backlog.refused()
        if given_up is not None:
            metrics.STORE_LOST.inc()
            # Not the words of the call, which the database's message may repeat: only what kind of error.
            log.error(
                "call %s: the database refuses a %s (%s); it is lost",
                given_up.call_sid,
                type(given_up).__name__,
                type(driver_error(error)).__name__,
            )

    def _outage(self, error: Exception) -> None:
        metrics.STORE_PENDING.set(len(self.backlog))
        if not self.lost:
            self.lost = True
            log.error("the database is lost (%s); writes wait", why(error))
