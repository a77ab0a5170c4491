"""Operations as SQL: a batch in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import TypeVar

import msgspec
from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
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
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app.encryption import Encryption
from app.live.messages import LiveEvent
from app.store.backlog import waves
from app.store.ending import settle
from app.store.notices import notify, what_viewers_see
from app.store.operations import (
    CallAnswered,
    CallFinished,
    CallNotReached,
    CallRegistered,
    CallRings,
    CallStarted,
    ItemSaved,
    LineWritten,
    Operation,
    TransferFailed,
)
from app.store.processes import sign
from app.store.sealing import greeting_place, item_place, line_place
from app.store.stats import together
from app.store.storable import row_of, storable
from app.store.tables import call_items, call_summaries, calls, erased_calls, transcript_lines

log = logging.getLogger(__name__)

ERASING = 0x0FF400D
"""Key of the advisory lock between writers, who share it, and an erasure, which has it alone."""

# Statements of every batch. To build one costs as much as to run it.
_KEEP_ERASURES_OUT = select(func.pg_advisory_xact_lock_shared(ERASING))
_ERASED = select(erased_calls.c.call_sid, erased_calls.c.erased_at).where(
    erased_calls.c.call_sid == func.any(bindparam("sids", type_=ARRAY(Text)))
)

T = TypeVar("T")


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
        await _not_reached(connection, _of(wave, CallNotReached))
        await _transfer_failed(connection, _of(wave, TransferFailed))
        events += what_viewers_see(wave)
    await notify(connection, events, encryption)
    return True


async def _not_erased(connection: AsyncConnection, batch: Sequence[Operation]) -> Sequence[Operation]:
    """The batch without what comes too late for calls that were erased.

    A stream that began after the erasure is a call of its own under an old name, as they are made by hand.
    """
    # Until we have committed, nobody erases. Each statement sees what was committed before it began.
    await connection.execute(_KEEP_ERASURES_OUT)
    found = await connection.execute(_ERASED, {"sids": list({operation.call_sid for operation in batch})})
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
            for row in map(row_of, operations)
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
            row_of(operation)
            | unknown
            | {"status": "in-progress", "owner": owner, "stream_started_at": operation.started_at}
            for operation in operations
        ],
    )
    # What was written about the talk so far would not tell how it ends.
    sids = [operation.call_sid for operation in operations]
    await connection.execute(delete(call_summaries).where(call_summaries.c.call_sid.in_(sids)))


def _writing_of_lines() -> Insert:
    statement = insert(transcript_lines)
    changing = [field.name for field in fields(LineWritten) if field.name not in ("call_sid", "seq")]
    # What was said before another process took the call over (our socket was half open, or the line comes
    # out of a spool) is kept, but never written over that process's lines.
    # Not `transcript_lines.c`: SQLAlchemy would select from that table anew here, and look at all calls.
    written: ColumnElement[str] = literal_column("transcript_lines.call_sid")
    taken_over = exists().where(calls.c.call_sid == written, calls.c.owner != bindparam("writer"))
    return statement.on_conflict_do_update(
        index_elements=[transcript_lines.c.call_sid, transcript_lines.c.seq],
        set_={name: statement.excluded[name] for name in changing} | {"updated_at": func.now()},
        where=~taken_over,
    )


_WRITE_LINES = _writing_of_lines()


async def _write_lines(
    connection: AsyncConnection, encryption: Encryption, owner: str, operations: list[LineWritten]
) -> None:
    newest = {(operation.call_sid, operation.seq): operation for operation in operations}
    if not newest:
        return
    await connection.execute(
        _WRITE_LINES,
        [
            row
            | {
                "text": encryption.seal(row["text"], *line_place(row["call_sid"], row["seq"])),
                "writer": owner,
            }
            for row in map(row_of, newest.values())
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
        end = row_of(operation)
        call_sid = end.pop("call_sid")
        ours = and_(
            calls.c.call_sid == call_sid,
            # Not a call that another process has taken over.
            or_(calls.c.owner.is_(None), calls.c.owner == owner),
            # We were thought dead, and know better how the call ended.
            or_(calls.c.ended_at.is_(None), calls.c.end_reason == "server_lost"),
        )
        earlier = (await connection.execute(select(calls.c.stats).where(ours).with_for_update())).first()
        if earlier:
            end["stats"] = together(earlier.stats, end["stats"])
            await connection.execute(update(calls).where(calls.c.call_sid == call_sid).values(end))
            ended.append((call_sid, end["ended_at"]))
    await settle(connection, ended)


async def _not_reached(connection: AsyncConnection, operations: list[CallNotReached]) -> None:
    ended: list[tuple[str, datetime]] = []
    for operation in operations:
        this = calls.c.call_sid == operation.call_sid
        # Whoever rings for long was given up by us already, and Twilio knows better why.
        open_ = or_(calls.c.ended_at.is_(None), calls.c.end_reason == "never_connected")
        wanted = select(calls.c.direction, calls.c.ended_at).where(this, calls.c.started_at.is_(None), open_)
        call = (await connection.execute(wanted.with_for_update())).first()
        if call:
            reason = operation.reason if call.direction == "outbound" else "never_connected"
            ended_at = call.ended_at or operation.ended_at
            end = {"status": operation.status, "end_reason": reason, "ended_at": ended_at}
            await connection.execute(update(calls).where(this).values(end))
            ended += [] if call.ended_at else [(operation.call_sid, ended_at)]
    await settle(connection, ended)


async def _transfer_failed(connection: AsyncConnection, operations: list[TransferFailed]) -> None:
    if operations:
        sids = [operation.call_sid for operation in operations]
        over = update(calls).where(calls.c.call_sid.in_(sids), calls.c.end_reason == "transferred")
        await connection.execute(over.values(end_reason="transfer_failed"))


def _of(wave: Sequence[Operation], kind: type[T]) -> list[T]:
    return [operation for operation in wave if isinstance(operation, kind)]
