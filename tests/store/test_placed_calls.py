from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.store import leases
from app.store.database import Database
from app.store.leases import new_owner, reap
from app.store.operations import (
    CallAnswered,
    CallFinished,
    CallNotReached,
    CallRegistered,
    CallRings,
    CallStarted,
    TransferFailed,
)
from app.store.queries import Queries
from app.store.records import CallRecord
from app.store.writer import Writer
from tests.store.calls import LATER, NOON, jobs

PLACED = CallRegistered("CA1", "outbound", "+15550100", "+15550120", "anna", "queued", "Good evening.")


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[Writer]:
    async with Writer(database, new_owner()) as writer:
        yield writer


async def stored(writer: Writer, queries: Queries) -> CallRecord:
    await writer.flushed()
    call = await queries.get_call("CA1")
    assert call is not None
    return call


async def test_a_call_that_was_placed_waits_then_rings(writer: Writer, queries: Queries) -> None:
    writer.add(PLACED)
    assert (await stored(writer, queries)).status == "queued"
    writer.add(CallRings("CA1"))
    assert (await stored(writer, queries)).status == "ringing"


async def test_a_call_that_is_talked_on_rings_no_more(writer: Writer, queries: Queries) -> None:
    writer.add(PLACED)
    writer.add(CallStarted("CA1", None, NOON))
    writer.add(CallRings("CA1"))
    assert (await stored(writer, queries)).status == "in-progress"


async def test_the_first_verdict_on_who_has_answered_counts(writer: Writer, queries: Queries) -> None:
    writer.add(PLACED)
    writer.add(CallAnswered("CA1", "human"))
    await writer.flushed()
    writer.add(CallAnswered("CA1", "machine_end_beep"))
    assert (await stored(writer, queries)).answered_by == "human"


async def test_a_registration_adds_only_what_was_not_known(writer: Writer, queries: Queries) -> None:
    writer.add(CallRegistered("CA1", "outbound", "+15550100", "+15550120", None))
    await writer.flushed()
    writer.add(PLACED)
    writer.add(CallRegistered("CA1", "outbound", "+15550100", "+15550120", "peter", "queued", "Hello."))
    call = await stored(writer, queries)
    assert (call.user_id, call.status) == ("anna", "ringing")
    past = await queries.resume_state("CA1")
    assert past is not None
    assert past.greeting == "Good evening."


@pytest.mark.parametrize(
    ("reason", "then"), [("transferred", "transfer_failed"), ("agent_hung_up", "agent_hung_up")]
)
async def test_only_a_transfer_can_have_failed(
    writer: Writer, queries: Queries, reason: str, then: str
) -> None:
    writer.add(CallStarted("CA1", None, NOON))
    writer.add(CallFinished("CA1", "completed", reason, LATER))
    writer.add(TransferFailed("CA1"))
    assert (await stored(writer, queries)).end_reason == then


async def test_what_a_call_amounted_to_is_told_over_all_of_its_streams(
    writer: Writer, queries: Queries
) -> None:
    first = {"duration_ms": 5000, "latencies": [{"decision": 420}], "protocol_errors": {"json": 1}}
    second = {
        "duration_ms": 700,
        "latencies": [{"decision": 500}],
        "protocol_errors": {"json": 2, "base64": 1},
    }
    for number, stats in enumerate((first, second)):
        writer.add(CallStarted("CA1", None, NOON + number * (LATER - NOON)))
        writer.add(
            CallFinished("CA1", "completed", "server_stopped", LATER, {**stats, "buffer_size": number})
        )
    assert (await stored(writer, queries)).stats == {
        "duration_ms": 5700,
        "latencies": [{"decision": 420}, {"decision": 500}],
        "protocol_errors": {"json": 3, "base64": 1},
        "buffer_size": 1,
    }


@pytest.mark.parametrize(("direction", "reason"), [("outbound", "busy"), ("inbound", "never_connected")])
async def test_a_call_that_came_to_nothing_has_ended_so(
    database: Database, writer: Writer, queries: Queries, direction: str, reason: str
) -> None:
    writer.add(replace(PLACED, direction=direction))
    writer.add(CallNotReached("CA1", "busy", "busy", LATER))
    writer.add(CallNotReached("CA1", "completed", "never_connected", LATER))
    assert (await stored(writer, queries)).end_reason == reason
    assert len(await jobs(database)) == 1


async def test_twilio_knows_better_why_a_call_that_we_gave_up_came_to_nothing(
    database: Database, writer: Writer, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "AFTER_DATABASE_START", timedelta(0))
    writer.add(PLACED)
    await writer.flushed()
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE calls SET created_at = now() - interval '1 hour'"))
        assert await reap(connection) == {"CA1": "never_connected"}
    writer.add(CallNotReached("CA1", "no-answer", "no_answer", LATER))
    call = await stored(writer, queries)
    assert (call.status, call.end_reason) == ("no-answer", "no_answer")
    assert len(await jobs(database)) == 1


async def test_a_call_that_was_talked_on_was_reached(writer: Writer, queries: Queries) -> None:
    writer.add(CallStarted("CA1", None, NOON))
    writer.add(CallNotReached("CA1", "completed", "never_connected", LATER))
    assert (await stored(writer, queries)).ended_at is None
