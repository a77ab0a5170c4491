"""Who has answered is told to one process and needed in another: they share a database and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from app.calls import Calls
from app.live.events import LiveEvents
from app.media_stream.connection import EndReason
from app.media_stream.manager import MediaStreamManager
from app.services.language_model import HangUp, Say
from app.services.speech_to_text.warm import WarmEars
from app.settings import load_settings
from app.store.database import Database
from app.store.leases import new_owner
from app.store.operations import CallRegistered
from app.store.queries import Queries
from app.store.writer import Writer
from tests.conversation.engines import ScriptedEars, ScriptedMind, ToneVoice
from tests.store.postgres import locked

PLACED = CallRegistered("CA1", "outbound", "+15550100", "+15550120", "anna", "queued", "Good evening.")


@asynccontextmanager
async def process(postgres_url: str) -> AsyncIterator[Calls]:
    """The calls of one server process."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database(postgres_url))
        writer = await stack.enter_async_context(Writer(database, new_owner()))
        live = LiveEvents(database)
        listening = asyncio.create_task(live.run())
        yield Calls(
            load_settings(agent_voicemail="I will call again."),
            MediaStreamManager(idle_seconds=60, max_call_seconds=60),
            writer,
            Queries(database),
            ears=WarmEars(ScriptedEars()),
            voice=ToneVoice(),
            mind=ScriptedMind(),
            live=live,
            hanging_up=None,
        )
        listening.cancel()
        await asyncio.wait([listening])


@pytest.fixture
async def ours(postgres_url: str) -> AsyncIterator[Calls]:
    async with process(postgres_url) as calls:
        yield calls


@pytest.fixture
async def theirs(postgres_url: str) -> AsyncIterator[Calls]:
    async with process(postgres_url) as calls:
        yield calls


async def first_words(calls: Calls) -> list[object]:
    call = await calls.open("CA1", None)
    async with asyncio.timeout(10), calls.opening(call) as opening:
        return [event async for event in opening.begin()]


async def test_a_verdict_that_another_process_got_before_the_stream_is_known(
    ours: Calls, theirs: Calls
) -> None:
    await theirs.placed(PLACED)
    theirs.answered("CA1", "machine_end_beep")
    await theirs.what_next("CA1")  # what it has to write is written
    assert await first_words(ours) == [Say("I will call again."), HangUp()]


async def test_a_verdict_that_another_process_gets_during_the_stream_arrives(
    ours: Calls, theirs: Calls
) -> None:
    await theirs.placed(PLACED)
    words = asyncio.create_task(first_words(ours))
    done, _ = await asyncio.wait([words], timeout=0.3)
    assert not done
    theirs.answered("CA1", "machine_end_beep")
    assert await words == [Say("I will call again."), HangUp()]


async def test_a_verdict_comes_without_the_database_where_the_stream_is(ours: Calls) -> None:
    await ours.placed(PLACED)
    words = asyncio.create_task(first_words(ours))
    await asyncio.wait([words], timeout=0.3)
    ours.answered("CA1", "machine_end_beep")
    ours.answered("CA1", "human")
    assert await words == [Say("I will call again."), HangUp()]


async def test_a_caller_is_not_taken_for_a_machine(ours: Calls) -> None:
    ours.is_known(CallRegistered("CA1", "inbound", "+1", "+2", None))
    (greeting,) = await first_words(ours)
    assert isinstance(greeting, Say)


async def test_an_answer_that_twilio_tells_of_before_the_placement_is_written_is_the_placed_call(
    ours: Calls, theirs: Calls
) -> None:
    ours.is_known(CallRegistered("CA1", "outbound", "+15550100", "+15550120", None))
    await ours.what_next("CA1")
    await theirs.placed(PLACED)
    words = asyncio.create_task(first_words(ours))
    await asyncio.wait([words], timeout=0.2)
    ours.answered("CA1", "unknown")
    assert await words == [Say("Good evening.")]


async def test_whoever_answers_a_placed_call_of_which_nothing_else_is_known_may_be_a_machine(
    ours: Calls,
) -> None:
    ours.is_known(CallRegistered("CA1", "outbound", "+15550100", "+15550120", None))
    ours.answered("CA1", "machine_end_beep")
    await ours.what_next("CA1")
    assert await first_words(ours) == [Say("I will call again."), HangUp()]


@pytest.mark.parametrize(
    ("heard", "then"),
    [
        ("Good even", [Say("I will call again."), HangUp()]),
        ("I will call again.", [HangUp()]),
    ],
)
async def test_a_machine_whose_stream_broke_gets_the_message_once(
    ours: Calls, heard: str, then: list[object]
) -> None:
    await ours.placed(PLACED)
    call = await ours.open("CA1", None)
    call.connection.transcript.write("assistant", heard, is_final=True, started_ms=0, ended_ms=900)
    call.connection.close("connection_lost")
    await ours.close(call.connection)
    ours.answered("CA1", "machine_end_beep")
    assert await ours.what_next("CA1") == "stream"
    assert await first_words(ours) == then


@pytest.mark.parametrize(
    ("reason", "then"),
    [("agent_hung_up", "hang_up"), ("transferred", "transfer"), ("connection_lost", "stream")],
)
async def test_without_the_database_a_process_knows_how_its_own_calls_have_ended(
    ours: Calls, postgres_url: str, reason: EndReason, then: str
) -> None:
    call = await ours.open("CA1", None)
    async with locked(postgres_url, "calls"):
        call.connection.close(reason)
        await ours.close(call.connection)
        assert await ours.what_next("CA1") == then
