"""Operations as SQL: a batch in one transaction, and the one way in which a call ends."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import asyncpg
import msgspec
from pgqueuer.queries import Queries as JobQueue
from sqlalchemy import (
    ColumnElement,
    Text,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.encryption import Encryption
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
from app.store.sealing import greeting_place, item_place, line_place
from app.store.tables import call_items, call_summaries, calls, erased_calls, transcript_lines

log = logging.getLogger(__name__)

SUMMARIZE = "summarize"
"""The job's name in pgqueuer."""

ERASING = 0x0FF400D
"""Key of the advisory lock between writers, who share it, and an erasure, which has it alone."""

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")


class SummaryOrder(msgspec.Struct, frozen=True):
    """The job's payload. A call that was resumed meanwhile has another `ended_at`: the order is stale."""

    call_sid: str
    ended_at: datetime


async def write_batch(
    connection: AsyncConnection,
    encryption: Encryption,
    owner: str,
    number: int,
    batch: Sequence[Operation],
    *,
    alive_at: datetime | None = None,
) -> bool:
    """Write a batch in the connection's transaction.

    `number` is that of its last operation, among all of its owner's; `alive_at` when the owner was alive
    for certain, None: now. False: operation `number` is in the database already (its commit went through
    although the answer did not come), and nothing was written.
    """
    if not await sign(connection, owner, number, alive_at):
        return False
    events: list[LiveEvent] = []
    for wave in waves(await _not_erased(connection, batch)):
        await _register(connection, encryption, _of(wave, CallRegistered))
        await _ring(connection, _of(wave, CallRings))
        await _start(connection, owner, _of(wave, CallStarted))
        await _answer(connection, _of(wave, CallAnswered))
        await _write_lines(connection, encryption, owner, _of(wave, LineWritten))
        await _save_items(connection, encryption, _of(wave, ItemSaved))
        await _finish(connection, owner, _of(wave, CallFinished))
        await _transfer_failed(connection, _of(wave, TransferFailed))
        events += _live(wave)
    await notify(connection, events, encryption)
    return True


async def _not_erased(connection: AsyncConnection, batch: Sequence[Operation]) -> Sequence[Operation]:
    """The batch without what comes too late for calls that were erased.

    A stream that began after the erasure is a call of its own under an old name, as they are made by hand.
    """
    # Until we have committed, nobody erases. Each statement sees what was committed before it began.
    await connection.execute(select(func.pg_advisory_xact_lock_shared(ERASING)))
    sids = bindparam("sids", list({operation.call_sid for operation in batch}), ARRAY(Text))
    found = await connection.execute(
        select(erased_calls.c.call_sid, erased_calls.c.erased_at).where(
            erased_calls.c.call_sid == func.any(sids)
        )
    )
    erased = {row.call_sid: row.erased_at for row in found}
    if not erased:
        return batch
    anew = {
        one.call_sid
        for one in batch
        if isinstance(one, CallStarted) and one.call_sid in erased and one.started_at > erased[one.call_sid]
    }
    if anew:
        await connection.execute(delete(erased_calls).where(erased_calls.c.call_sid.in_(anew)))
    gone = erased.keys() - anew
    log.info(
        "%d writes came too late for %d erased calls", sum(one.call_sid in gone for one in batch), len(gone)
    )
    return [operation for operation in batch if operation.call_sid not in gone]


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
    queue = JobQueue.from_asyncpg_connection(await driver_connection(connection))
    orders: list[bytes | None] = [msgspec.json.encode(SummaryOrder(*end)) for end in ended]
    await queue.enqueue([SUMMARIZE] * len(orders), orders, [0] * len(orders))
    changed: tuple[Literal["lines", "status"], ...] = ("lines", "status")
    await notify(connection, [Changed(sid, event) for sid in sids for event in changed])


async def driver_connection(connection: AsyncConnection) -> asyncpg.Connection:
    """asyncpg's own connection, for pgqueuer, in the transaction that has begun on it."""
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, asyncpg.Connection)
    # SQLAlchemy begins the transaction with its first statement. Without one, the jobs would stand alone.
    assert raw.is_in_transaction()
    return raw


async def notify(
    connection: AsyncConnection, events: Sequence[LiveEvent], encryption: Encryption | None = None
) -> None:
    """Tell the viewers, once this transaction is committed. Words need the `encryption`."""
    if events:
        payloads = bindparam("payloads", [encode(event, encryption) for event in events], ARRAY(Text))
        await connection.execute(select(func.pg_notify(CHANNEL, func.unnest(payloads))))


async def _register(
    connection: AsyncConnection, encryption: Encryption, operations: list[CallRegistered]
) -> None:
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
        [
            row
            | {
                "greeting": row["greeting"]
                and encryption.seal(row["greeting"], *greeting_place(row["call_sid"]))
            }
            for row in map(_row, operations)
        ],
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
    # One that waited in a spool may come after a later stream of its call, which then stays as it is.
    newest = or_(calls.c.stream_started_at.is_(None), new.stream_started_at >= calls.c.stream_started_at)
    resumed = case((newest & calls.c.started_at.is_not(None), 1), else_=0)
    # A call that nobody registered was opened by hand, with wscat for one: its numbers are unknown.
    unknown = {"direction": "inbound", "from_number": "", "to_number": ""}
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[calls.c.call_sid],
            set_={
                "status": case((newest, new.status), else_=calls.c.status),
                "owner": case((newest, new.owner), else_=calls.c.owner),
                "user_id": func.coalesce(new.user_id, calls.c.user_id),
                "started_at": func.least(calls.c.started_at, new.started_at),
                "stream_started_at": func.greatest(calls.c.stream_started_at, new.stream_started_at),
                "ended_at": case((newest, null()), else_=calls.c.ended_at),
                "end_reason": case((newest, null()), else_=calls.c.end_reason),
                "resumes": calls.c.resumes + resumed,
            },
        ),
        [
            _row(operation)
            | unknown
            | {"status": "in-progress", "owner": owner, "stream_started_at": operation.started_at}
            for operation in operations
        ],
    )
    # What was written about the talk so far would not tell how it ends.
    sids = [operation.call_sid for operation in operations]
    await connection.execute(delete(call_summaries).where(call_summaries.c.call_sid.in_(sids)))


async def _write_lines(
    connection: AsyncConnection, encryption: Encryption, owner: str, operations: list[LineWritten]
) -> None:
    newest = {(operation.call_sid, operation.seq): operation for operation in operations}
    if not newest:
        return
    statement = insert(transcript_lines)
    changing = [field.name for field in fields(LineWritten) if field.name not in ("call_sid", "seq")]
    # What was said before another process took the call over (our socket was half open, or the line comes
    # out of a spool) is kept, but never written over that process's lines.
    # Not `transcript_lines.c`: SQLAlchemy would select from that table anew here, and look at all calls.
    written: ColumnElement[str] = literal_column("transcript_lines.call_sid")
    taken_over = exists().where(calls.c.call_sid == written, calls.c.owner != owner)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[transcript_lines.c.call_sid, transcript_lines.c.seq],
            set_={name: statement.excluded[name] for name in changing} | {"updated_at": func.now()},
            where=~taken_over,
        ),
        [
            row | {"text": encryption.seal(row["text"], *line_place(row["call_sid"], row["seq"]))}
            for row in map(_row, newest.values())
        ],
    )


async def _save_items(
    connection: AsyncConnection, encryption: Encryption, operations: list[ItemSaved]
) -> None:
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
            item | {"text": encryption.seal(item["text"], *item_place(item["id"])), "call_sid": call_sid}
            for call_sid, item in (
                (operation.call_sid, storable(msgspec.structs.asdict(operation.item)))
                for operation in newest.values()
            )
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
