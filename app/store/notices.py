"""What viewers of calls are told when something is written."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Text, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from app.encryption import Encryption
from app.live.messages import CHANNEL, Changed, Interim, InterimLine, LiveEvent, encode
from app.store.operations import (
    CallAnswered,
    CallFinished,
    CallNotReached,
    CallRegistered,
    CallRings,
    CallStarted,
    InterimHeard,
    ItemSaved,
    LineWritten,
    Operation,
    TransferFailed,
)
from app.store.storable import storable

_NOTIFY = select(func.pg_notify(CHANNEL, func.unnest(bindparam("payloads", type_=ARRAY(Text)))))


def what_viewers_see(wave: Sequence[Operation]) -> list[LiveEvent]:
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
            case ItemSaved() | CallFinished() | CallNotReached() | TransferFailed():
                # Items are shown with the summary; `settle` tells of the end.
                pass
    return [*pokes, *growing.values()]


async def notify(
    connection: AsyncConnection, events: Sequence[LiveEvent], encryption: Encryption | None = None
) -> None:
    """Tell the viewers, once this transaction is committed. Words need the `encryption`."""
    if events:
        payloads = [encode(event, encryption) for event in events]
        await connection.execute(_NOTIFY, {"payloads": payloads})
