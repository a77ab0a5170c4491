"""What the tests of the store have in common: a call's operations, and a look at the job queue."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text

from app.store.database import Database
from app.store.operations import CallFinished, CallRegistered, CallStarted, LineWritten

NOON = datetime(2025, 11, 21, 12, 0, tzinfo=UTC)
LATER = datetime(2025, 11, 21, 12, 5, tzinfo=UTC)


def registered(call_sid: str = "CA1", user_id: str | None = None) -> CallRegistered:
    return CallRegistered(call_sid, "inbound", "+15550001111", "+15550002222", user_id)


def started(call_sid: str = "CA1", user_id: str | None = None) -> CallStarted:
    return CallStarted(call_sid, user_id, NOON)


def line(seq: int, call_sid: str = "CA1", text: str = "hello", *, is_final: bool = True) -> LineWritten:
    return LineWritten(call_sid, seq, "user", text, is_final, 0.5, 0, 900, False, seq if is_final else 0)


def finished(call_sid: str = "CA1", reason: str = "hangup", at: datetime = LATER) -> CallFinished:
    return CallFinished(call_sid, "completed", reason, at, {"duration_ms": 5})


async def jobs(database: Database) -> list[str]:
    """The payloads of the jobs that wait."""
    async with database.engine.connect() as connection:
        rows = await connection.execute(text("SELECT payload FROM pgqueuer ORDER BY id"))
        return [row.payload.decode() for row in rows]
