"""Streams that are open before their call: Google's protocol on loopback, real channels, real RPCs."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from app.services.speech_to_text import Final, RecognitionEvent
from app.services.speech_to_text.google import GoogleSpeechToText
from app.services.speech_to_text.google.rollover import Limits
from app.services.speech_to_text.warm import MOST_WAITING, WarmEars
from app.settings import load_settings
from tests.conversation.engines import ScriptedEars
from tests.providers.google_speech_server import Speech, SpeechServer

SPEECH = Speech().silence(500).sentence("please remind me")


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with SpeechServer(SPEECH.words).serving() as server:
        yield server


@asynccontextmanager
async def warm_google(
    server: SpeechServer, *, seconds: float = 15, limits: Limits | None = None
) -> AsyncIterator[WarmEars]:
    settings = load_settings(
        google_speech_endpoint=server.address, google_plaintext=True, google_cloud_project_id="p"
    )
    ears = WarmEars(GoogleSpeechToText(settings, limits), seconds)
    await ears.start()
    try:
        yield ears
    finally:
        await ears.aclose()


async def until(condition: Callable[[], object]) -> None:
    """Wait for something to come true at the server."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def hear(ears: WarmEars, call_sid: str = "CA1") -> list[RecognitionEvent]:
    async with ears.stream(call_sid) as stream, asyncio.timeout(10):
        stream.push(bytes(SPEECH.audio))
        stream.finish()
        return [event async for event in stream]


def told(events: list[RecognitionEvent]) -> list[tuple[str, int, int]]:
    return [(e.text, e.started_ms, e.ended_ms) for e in events if isinstance(e, Final)]


HEARD = [("please remind me", 500, 1400)]


async def test_a_call_gets_the_stream_that_was_opened_for_it(server: SpeechServer) -> None:
    async with warm_google(server) as ears:
        ears.warm("CA1")
        await until(lambda: server.configs)
        assert told(await hear(ears)) == HEARD
    assert len(server.configs) == 1


async def test_times_begin_with_the_callers_first_byte_however_long_it_waited(server: SpeechServer) -> None:
    async with warm_google(server, limits=Limits(idle=0.1)) as ears:
        ears.warm("CA1")
        # Silence keeps the stream open meanwhile.
        await until(lambda: server.sizes)
        assert told(await hear(ears)) == HEARD
    assert len(server.configs) == 1


def tasks() -> set[asyncio.Task[object]]:
    """All but those of gRPC's server, which are written in C and come and go with every RPC."""
    return {task for task in asyncio.all_tasks() if inspect.iscoroutine(task.get_coro())}


async def test_a_stream_that_nobody_comes_for_is_closed_and_leaves_nothing(server: SpeechServer) -> None:
    async with warm_google(server, seconds=0.1) as ears:
        before = tasks()
        ears.warm("CA1")
        await until(lambda: server.active)
        await until(lambda: not server.active)
        await until(lambda: tasks() == before)
        assert told(await hear(ears)) == HEARD
    assert len(server.configs) == 2


async def test_a_stream_that_was_claimed_lasts_as_long_as_its_call() -> None:
    engine = ScriptedEars()
    ears = WarmEars(engine, unclaimed_seconds=0.02)
    ears.warm("CA1")
    await asyncio.sleep(0)
    async with ears.stream("CA1"):
        await asyncio.sleep(0.1)
        assert engine.open_streams == 1
    assert engine.open_streams == 0


async def test_a_call_that_was_not_announced_here_opens_its_own(server: SpeechServer) -> None:
    async with warm_google(server) as ears:
        ears.warm("CA1")
        assert told(await hear(ears, "CA2")) == HEARD


async def test_a_call_that_comes_before_its_stream_is_open_opens_its_own() -> None:
    engine = ScriptedEars()
    ears = WarmEars(engine)
    ears.warm("CA1")
    async with ears.stream("CA1") as stream:
        assert stream is engine
        assert engine.open_streams == 1
    await asyncio.sleep(0)
    assert engine.open_streams == 0


async def test_a_second_webhook_opens_no_second_stream() -> None:
    engine = ScriptedEars()
    ears = WarmEars(engine)
    ears.warm("CA1")
    ears.warm("CA1")
    await asyncio.sleep(0)
    assert engine.open_streams == 1
    await ears.aclose()
    assert engine.open_streams == 0


async def test_a_flood_of_webhooks_is_no_flood_of_streams() -> None:
    engine = ScriptedEars()
    ears = WarmEars(engine)
    for number in range(2 * MOST_WAITING):
        ears.warm(f"CA{number}")
    await asyncio.sleep(0)
    assert engine.open_streams == MOST_WAITING
    await ears.aclose()
    assert engine.open_streams == 0


async def test_a_call_that_is_cancelled_gives_its_stream_back() -> None:
    engine = ScriptedEars()
    ears = WarmEars(engine)
    ears.warm("CA1")
    await asyncio.sleep(0)

    async def call() -> None:
        async with ears.stream("CA1"):
            await asyncio.Event().wait()

    calling = asyncio.create_task(call())
    await asyncio.sleep(0)
    assert engine.open_streams == 1
    calling.cancel()
    await asyncio.wait([calling])
    assert engine.open_streams == 0
