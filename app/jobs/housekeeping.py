"""Once a day: calls older than RETENTION_DAYS are erased, and words are sealed with the newest key."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, NoReturn

from sqlalchemy import Column, Row, Table, not_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app import metrics
from app.encryption import Encryption, UnreadableError
from app.store.database import Database, Lost, pause, why
from app.store.erasure import Erasure
from app.store.sealing import item_place, line_place, open_summary, seal_summary
from app.store.tables import call_items, call_summaries, transcript_lines

log = logging.getLogger(__name__)

EVERY_SECONDS = 24 * 3600

AT_ONCE = 500
"""Rows sealed anew in one transaction."""


class Housekeeping:
    """Run `run` beside the jobs. Two at the same time do each other no harm."""

    def __init__(self, database: Database, retention: timedelta | None) -> None:
        """`retention`: how long calls are kept; None: for ever."""
        self._database = database
        self._retention = retention
        self._erasure = Erasure(database)

    async def run(self) -> NoReturn:
        """Tidy up now and every day, until cancelled, through outages of the database."""
        attempt = 0
        while True:
            try:
                await self.tidy()
            except Lost as error:
                attempt += 1
                if attempt == 1:
                    log.warning("old calls cannot be erased now: %s", why(error))
                await pause(attempt)
            else:
                attempt = 0
                await asyncio.sleep(EVERY_SECONDS)

    async def tidy(self) -> None:
        """Once."""
        if self._retention:
            erased = await self._erasure.older_than(self._retention)
            metrics.ERASED.inc(erased)
            if erased:
                log.info("%d calls older than %d days are erased", erased, self._retention.days)
        await self._erasure.forget_tombstones()
        if self._database.encryption:
            await self._seal()

    async def _seal(self) -> None:
        sealed = unreadable = 0
        for words in WORDS:
            last: tuple[Any, ...] | None = ()
            while last is not None:
                last, count, failed = await self._database.run(partial(self._seal_some, words, last))
                sealed, unreadable = sealed + count, unreadable + failed
        if sealed:
            log.info("%d texts are encrypted with the newest key now", sealed)
        if unreadable:
            log.error("%d texts cannot be read: their key is missing, or they were altered", unreadable)

    async def _seal_some(
        self, words: Words, last: tuple[Any, ...], connection: AsyncConnection
    ) -> tuple[tuple[Any, ...] | None, int, int]:
        """The next rows after `last`: the key to go on after, how many were sealed, how many not."""
        encryption = self._database.encryption
        query = select(words.table).where(not_(words.shown.startswith(encryption.prefix, autoescape=True)))
        if last:
            query = query.where(tuple_(*words.key) > last)
        # Rows that somebody writes now are that writer's to seal.
        query = query.order_by(*words.key).limit(AT_ONCE).with_for_update(skip_locked=True)
        rows = (await connection.execute(query)).all()
        failed = 0
        for row in rows:
            try:
                values = words.seal(encryption, row)
            except UnreadableError:
                failed += 1
            else:
                this = [column == row._mapping[column.name] for column in words.key]
                await connection.execute(update(words.table).where(*this).values(values))
        after = tuple(rows[-1]._mapping[column.name] for column in words.key) if rows else None
        return after, len(rows) - failed, failed


def _seal_line(encryption: Encryption, row: Row[Any]) -> dict[str, Any]:
    place = line_place(row.call_sid, row.seq)
    return {"text": encryption.seal(encryption.open(row.text, *place), *place)}


def _seal_item(encryption: Encryption, row: Row[Any]) -> dict[str, Any]:
    place = item_place(row.id)
    return {"text": encryption.seal(encryption.open(row.text, *place), *place)}


def _seal_summary(encryption: Encryption, row: Row[Any]) -> dict[str, Any]:
    columns = {name: row._mapping[name] for name in ("summary", "key_points", "action_items")}
    return seal_summary(encryption, row.call_sid, open_summary(encryption, row.call_sid, columns))


@dataclass(frozen=True)
class Words:
    """A table with words in it: `shown` is the column that shows by which key a row is sealed."""

    table: Table
    key: tuple[Column[Any], ...]
    shown: Column[str]
    seal: Callable[[Encryption, Row[Any]], dict[str, Any]]


WORDS = (
    Words(
        transcript_lines,
        (transcript_lines.c.call_sid, transcript_lines.c.seq),
        transcript_lines.c.text,
        _seal_line,
    ),
    Words(call_items, (call_items.c.id,), call_items.c.text, _seal_item),
    Words(call_summaries, (call_summaries.c.call_sid,), call_summaries.c.summary, _seal_summary),
)
