"""Live events from PostgreSQL: one LISTEN connection a process, however many watch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import NoReturn

import asyncpg
import msgspec

from app.encryption import UnreadableError
from app.live.mailbox import Mailbox, Mailboxes
from app.live.messages import CHANNEL, EVERYTHING, Changed, LiveEvent, decode
from app.store.database import Database, Lost, pause, why

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
"""A connection whose other end vanished without a word is found dead after this long."""


class LiveEvents:
    """Run `run` beside the server; `watch` whenever somebody wants to see a call."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._boxes = Mailboxes()
        self._wake: dict[Mailbox, asyncio.Event] = {}

    async def run(self) -> NoReturn:
        """Listen until cancelled, through outages of the database."""
        attempt = 0
        while True:
            try:
                connection = await self._database.listener()
                try:
                    await connection.add_listener(CHANNEL, self._notified)
                    attempt = 0
                    # Whatever happened while nobody listened is in the database.
                    for box in self._boxes.all():
                        self._deliver([box], *(Changed(box.call_sid, event) for event in EVERYTHING))
                    await _until_lost(connection)
                finally:
                    connection.terminate()
            except Lost as error:
                attempt += 1
                if attempt == 1:
                    log.warning("live updates are interrupted: %s", why(error))
                await pause(attempt)

    @asynccontextmanager
    async def watch(self, call_sid: str) -> AsyncGenerator[AsyncIterator[LiveEvent], None]:
        """The events of one call from now on.

        What was committed before is read from the database, after this context was entered: so nothing
        falls in between. A slow viewer misses interims, never a poke.
        """
        box, wake = Mailbox(call_sid), asyncio.Event()
        self._boxes.add(box)
        self._wake[box] = wake
        try:
            yield _events(box, wake)
        finally:
            self._boxes.remove(box)
            del self._wake[box]

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        try:
            event = decode(str(payload), self._database.encryption)
        except UnreadableError:
            # The final line, if it is one, says so where it is read. An interim is not worth a word.
            return
        except msgspec.DecodeError as error:
            log.warning("a notification on %s is not ours: %s", CHANNEL, error)
            return
        self._deliver(self._boxes.of(event.call_sid), event)

    def _deliver(self, boxes: Iterable[Mailbox], *events: LiveEvent) -> None:
        for box in boxes:
            for event in events:
                box.put(event)
            self._wake[box].set()


async def _events(box: Mailbox, wake: asyncio.Event) -> AsyncIterator[LiveEvent]:
    while True:
        while (event := box.take()) is not None:
            yield event
        wake.clear()
        await wake.wait()


async def _until_lost(connection: asyncpg.Connection) -> NoReturn:
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await lost.wait()
            raise ConnectionResetError("the database closed the connection")
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=HEARTBEAT_SECONDS)
