"""Operations as SQL: a batch in one transaction, and the one way in which a call ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import asyncpg
import msgspec
from pgqueuer.queries import Queries as JobQueue
from sqlalchemy import Text, bindparam, case, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.live.messages import CHANNEL, Changed, Interim, InterimLine, LiveEvent, encode
from app.store.backlog import waves
from app.store.operations import (
    CallAnswered,
    CallFinished,
    CallRegistered,
    CallRings,
    CallStarted,
    InterimHeard,
    ItemSaved,
    LineWritten,
    Operation,
    TransferFailed,
)
from app.store.processes import sign
from app.store.tables import call_items, call_summaries, calls, transcript_lines

SUMMARIZE = "summarize"
"""The job's name in pgqueuer."""

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


class SummaryOrder(msgspec.Struct, frozen=True):
    """The job's payload. A call that was resumed meanwhile has another `ended_at`: the order is stale."""

    call_sid: str
    ended_at: datetime


async def write_batch(
    connection: AsyncConnection, owner: str, number: int, batch: Sequence[Operation]
) -> bool:
    """Write a batch in the connection's transaction.

    False: batch `number` of this process is in the database already (its commit went through although the
    answer did not come), and nothing was written.
    """
    if not await sign(connection, owner, number):
        return False
    events: list[LiveEvent] = []
    for wave in waves(batch):
        await _register(connection, _of(wave, CallRegistered))
        await _ring(connection, _of(wave, CallRings))
        await _start(connection, owner, _of(wave, CallStarted))
        await _answer(connection, _of(wave, CallAnswered))
        await _write_lines(connection, owner, _of(wave, LineWritten))
        await _save_items(connection, _of(wave, ItemSaved))
        await _finish(connection, owner, _of(wave, CallFinished))
        await _transfer_failed(connection, _of(wave, TransferFailed))
        events += _live(wave)
    await notify(connection, events)
    return True


async def settle(connection: AsyncConnection, ended: Sequence[tuple[str, datetime]]) -> None:
    """What goes with the end of calls, in the transaction that set their `ended_at`.

    `ended` are call SIDs with their `ended_at`. Lines that were still growing become final, and a summary of
    each call is ordered, one job a call. Every way for a call to end leads here.
    """
    if not ended:
        return
    sids = [call_sid for call_sid, _ in ended]
    others = transcript_lines.alias()
    newest = select(func.max(others.c.revision)).where(others.c.call_sid == transcript_lines.c.call_sid)
    await connection.execute(
        update(transcript_lines)
        .where(transcript_lines.c.call_sid.in_(sids), ~transcript_lines.c.is_final)
        # After all final lines, in the order of speaking. Whoever was speaking was cut off.
        .values(is_final=True, interrupted=True, revision=newest.scalar_subquery() + transcript_lines.c.seq)
    )
    await connection.execute(delete(call_summaries).where(call_summaries.c.call_sid.in_(sids)))
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, asyncpg.Connection)
    # SQLAlchemy begins the transaction with its first statement. Without one, the jobs would stand alone.
    assert raw.is_in_transaction()
    orders: list[bytes | None] = [msgspec.json.encode(SummaryOrder(*end)) for end in ended]
    await JobQueue.from_asyncpg_connection(raw).enqueue([SUMMARIZE] * len(orders), orders, [0] * len(orders))
    changed: tuple[Literal["lines", "status"], ...] = ("lines", "status")
    await notify(connection, [Changed(sid, event) for sid in sids for event in changed])


async def notify(connection: AsyncConnection, events: Sequence[LiveEvent]) -> None:
    """Tell the viewers, once this transaction is committed."""
    if events:
        payloads = bindparam("payloads", [encode(event) for event in events], ARRAY(Text))
        await connection.execute(select(func.pg_notify(CHANNEL, func.unnest(payloads))))


async def _register(connection: AsyncConnection, operations: list[CallRegistered]) -> None:
    if not operations:
        return
    statement = insert(calls)
    # Twilio may ask what to do with a call before whoever placed it has written it down.
    known = {
        column.name: func.coalesce(column, statement.excluded[column.name])
        for column in (calls.c.user_id, calls.c.greeting)
    }
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[calls.c.call_sid], set_=known),
        [_row(operation) for operation in operations],
    )


async def _ring(connection: AsyncConnection, operations: list[CallRings]) -> None:
    if operations:
        sids = [operation.call_sid for operation in operations]
        rings = update(calls).where(calls.c.call_sid.in_(sids), calls.c.status == "queued")
        await connection.execute(rings.values(status="ringing"))


async def _answer(connection: AsyncConnection, operations: list[CallAnswered]) -> None:
    for operation in operations:
        first = update(calls).where(calls.c.call_sid == operation.call_sid, calls.c.answered_by.is_(None))
        await connection.execute(first.values(answered_by=operation.answered_by))


async def _start(connection: AsyncConnection, owner: str, operations: list[CallStarted]) -> None:
    if not operations:
        return
    statement = insert(calls)
    new = statement.excluded
    # A call that nobody registered was opened by hand, with wscat for one: its numbers are unknown.
    unknown = {"direction": "inbound", "from_number": "", "to_number": ""}
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[calls.c.call_sid],
            set_={
                "status": new.status,
                "owner": new.owner,
                "user_id": func.coalesce(new.user_id, calls.c.user_id),
                "started_at": func.coalesce(calls.c.started_at, new.started_at),
                "ended_at": None,
                "end_reason": None,
                "resumes": calls.c.resumes + case((calls.c.started_at.is_(None), 0), else_=1),
            },
        ),
        [_row(operation) | unknown | {"status": "in-progress", "owner": owner} for operation in operations],
    )
    # What was written about the talk so far would not tell how it ends.
    resumed = [operation.call_sid for operation in operations]
    await connection.execute(delete(call_summaries).where(call_summaries.c.call_sid.in_(resumed)))


async def _write_lines(connection: AsyncConnection, owner: str, operations: list[LineWritten]) -> None:
    newest = {(operation.call_sid, operation.seq): operation for operation in operations}
    if not newest:
        return
    columns = [transcript_lines.c[field.name] for field in fields(LineWritten)]
    values = [bindparam(column.name, type_=column.type) for column in columns]
    # Not into a call that another process has taken over while our socket was half open. One that nobody
    # has registered passes here, and is refused aloud by the foreign key.
    taken_over = exists().where(calls.c.call_sid == values[0], calls.c.owner != owner)
    statement = insert(transcript_lines).from_select(columns, select(*values).where(~taken_over))
    changing = [column.name for column in columns if not column.primary_key]
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[transcript_lines.c.call_sid, transcript_lines.c.seq],
            set_={name: statement.excluded[name] for name in changing} | {"updated_at": func.now()},
        ),
        [_row(operation) for operation in newest.values()],
    )


async def _save_items(connection: AsyncConnection, operations: list[ItemSaved]) -> None:
    newest = {operation.item.id: operation for operation in operations}
    if not newest:
        return
    statement = insert(call_items)
    changing = ("kind", "text", "due_at", "state")
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[call_items.c.id],
            set_={name: statement.excluded[name] for name in changing} | {"updated_at": func.now()},
            # The caller corrects what was noted on an earlier call: it stays that call's.
        ),
        [
            {"call_sid": operation.call_sid} | storable(msgspec.structs.asdict(operation.item))
            for operation in newest.values()
        ],
    )


async def _finish(connection: AsyncConnection, owner: str, operations: list[CallFinished]) -> None:
    ended: list[tuple[str, datetime]] = []
    for operation in operations:
        end = _row(operation)
        call_sid = end.pop("call_sid")
        result = await connection.execute(
            update(calls)
            .where(
                calls.c.call_sid == call_sid,
                # Not a call that another process has taken over.
                or_(calls.c.owner.is_(None), calls.c.owner == owner),
                # We were thought dead, and know better how the call ended.
                or_(calls.c.ended_at.is_(None), calls.c.end_reason == "server_lost"),
            )
            .values(end)
            .returning(calls.c.call_sid, calls.c.ended_at)
        )
        ended += [(row.call_sid, row.ended_at) for row in result]
    await settle(connection, ended)


async def _transfer_failed(connection: AsyncConnection, operations: list[TransferFailed]) -> None:
    if operations:
        sids = [operation.call_sid for operation in operations]
        over = update(calls).where(calls.c.call_sid.in_(sids), calls.c.end_reason == "transferred")
        await connection.execute(over.values(end_reason="transfer_failed"))


def _live(wave: Sequence[Operation]) -> list[LiveEvent]:
    """What viewers of these operations are told, each thing once."""
    pokes: dict[LiveEvent, None] = {}
    growing: dict[tuple[str, int], LiveEvent] = {}
    for operation in wave:
        sid = operation.call_sid
        match operation:
            case LineWritten(is_final=True, seq=seq):
                pokes[Changed(sid, "lines")] = None
                growing.pop((sid, seq), None)
            case LineWritten() | InterimHeard():
                text = storable(operation.text)
                line = InterimLine(operation.seq, operation.speaker, text, operation.started_ms)
                growing[sid, operation.seq] = Interim(sid, line)
            case CallRegistered() | CallRings() | CallStarted() | CallAnswered():
                pokes[Changed(sid, "status")] = None
            case ItemSaved() | CallFinished() | TransferFailed():
                # Items are shown with the summary; `settle` tells of the end.
                pass
    return [*pokes, *growing.values()]


def _of(wave: Sequence[Operation], kind: type[T]) -> list[T]:
    return [operation for operation in wave if isinstance(operation, kind)]


def _row(operation: DataclassInstance) -> dict[str, Any]:
    row = {field.name: getattr(operation, field.name) for field in fields(operation)}
    return {name: storable(value) for name, value in row.items()}


def storable(value: Any) -> Any:
    """PostgreSQL refuses U+0000 in text and JSON, UTF-8 lone surrogates; neither was ever spoken."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value
