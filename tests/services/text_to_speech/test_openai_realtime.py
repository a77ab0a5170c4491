"""OpenAI's own voice, by the real client, against a Realtime API on loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import pytest

from app.services.text_to_speech import SynthesisError
from app.services.text_to_speech.openai_realtime import MOST_IDLE, WARM, OpenAIRealtimeVoice
from app.services.text_to_speech.rewording import RewordedError
from app.settings import Settings, load_settings
from tests.providers.openai_voice_server import (
    KEY,
    Error,
    Fail,
    OpenAIVoiceServer,
    Raw,
    Step,
    Transcript,
    reading,
)
from tests.providers.voices import Drop, Stall, audio_of, speak


def settings(openai: OpenAIVoiceServer, key: str = KEY) -> Settings:
    return load_settings(
        openai_base_url=openai.url, openai_api_key=key, openai_realtime_model="gpt-rt", openai_voice="cedar"
    )


@pytest.fixture
async def voice(openai: OpenAIVoiceServer) -> AsyncIterator[OpenAIRealtimeVoice]:
    voice = OpenAIRealtimeVoice(settings(openai))
    await voice.start()
    await openai.until_connected(WARM)
    yield voice
    await voice.aclose()


async def test_it_asks_for_telephone_audio_and_passes_it_through(
    openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice
) -> None:
    assert await speak(voice, "What can I do for you?") == audio_of("What can I do for you?")
    assert openai.models[0] == "gpt-rt"
    session = openai.events[0]["session"]
    assert session["type"] == "realtime"
    assert session["output_modalities"] == ["audio"]
    assert session["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "voice": "cedar"}
    assert "verbatim" in session["instructions"]
    response = openai.events[-1]["response"]
    assert response["conversation"] == "none"
    [message] = response["input"]
    assert message["content"] == [{"type": "input_text", "text": "What can I do for you?"}]
    assert all("openai-beta" not in headers for headers in openai.headers)


async def test_clauses_one_after_the_other_share_a_connection(
    openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice
) -> None:
    for _ in range(10):
        assert await speak(voice, "One more thing.") == audio_of("One more thing.")
    # While one speaks, as many as ever wait for the next clause.
    assert len(openai.models) == WARM + 1


async def test_clauses_at_once_have_one_each(openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice) -> None:
    texts = [f"Thing {word}." for word in ("alpha", "beta", "gamma", "delta", "epsilon")]
    assert await asyncio.gather(*(speak(voice, text) for text in texts)) == [*map(audio_of, texts)]


async def test_a_clause_given_up_is_cancelled_and_its_connection_used_again(
    openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice
) -> None:
    openai.script = [Transcript("Hello. "), b"first", Stall()]
    for _ in range(10):
        async with aclosing(voice.synthesize("Hello.")) as pieces:
            await anext(pieces)
        async with asyncio.timeout(2):
            await openai.idle.wait()
    openai.script = None
    assert await speak(voice, "Good morning.") == audio_of("Good morning.")
    assert len(openai.models) <= WARM + 3


async def test_giving_up_what_is_made_already_harms_nothing(
    openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice
) -> None:
    async with aclosing(voice.synthesize("Good morning.")) as pieces:
        await anext(pieces)
        async with asyncio.timeout(2):
            await openai.idle.wait()
    async with asyncio.timeout(2):
        while all(event["type"] != "response.cancel" for event in openai.events):
            await asyncio.sleep(0.01)
    # At once, so that each connection is used, whichever it was.
    clauses = [speak(voice, "Good morning.") for _ in range(WARM + 1)]
    assert await asyncio.gather(*clauses) == [audio_of("Good morning.")] * (WARM + 1)


@pytest.mark.alone
async def test_giving_up_waits_for_nothing(openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice) -> None:
    openai.script = [b"first", Stall()]
    pieces = voice.synthesize("Hello.")
    await anext(pieces)
    begun = time.monotonic()
    await pieces.aclose()
    assert time.monotonic() - begun < 0.01


async def test_what_it_rewords_is_stopped_before_it_is_heard(
    openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice
) -> None:
    openai.script = [Transcript("I need you to take a note."), b"audio", Stall()]
    with pytest.raises(RewordedError, match="take a note"):
        await speak(voice, "What can I do for you today?")
    openai.script = None
    assert await speak(voice, "Good morning.") == audio_of("Good morning.")


async def test_what_it_leaves_out_is_noticed_at_the_end(
    openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice
) -> None:
    openai.script = reading("I have noted that.")
    with pytest.raises(RewordedError):
        await speak(voice, "I have noted that, and I will remind you of it at noon.")


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([Fail("the model is overloaded")], "overloaded"),
        ([Fail("as the filter wanted", "incomplete")], "filter"),
        ([Error("session expired", "session_expired")], "session expired"),
        ([Raw("no JSON")], "cannot be read"),
        ([Raw('{"type": "response.output_audio.delta", "delta": "!"}')], "cannot be read"),
        ([], "no audio"),
        ([b"some audio", Drop()], "lost"),
    ],
)
async def test_a_failure_is_told_and_passes(
    openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice, steps: list[Step], words: str
) -> None:
    openai.script = steps
    with pytest.raises(SynthesisError, match=words):
        await speak(voice, "Hello.")
    openai.script = None
    assert await speak(voice, "Good morning.") == audio_of("Good morning.")


async def test_connections_lost_while_they_waited_are_replaced_unheard(
    openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice
) -> None:
    for socket in list(openai.sockets):
        await socket.close(1001)
    await asyncio.sleep(0.05)
    assert await speak(voice, "Good morning.") == audio_of("Good morning.")


async def test_a_wrong_key_is_told_and_the_voice_waits_for_better_times(
    openai: OpenAIVoiceServer, caplog: pytest.LogCaptureFixture
) -> None:
    voice = OpenAIRealtimeVoice(settings(openai, key="wrong"))
    await voice.start()
    with pytest.raises(SynthesisError, match="OPENAI_API_KEY"):
        await speak(voice, "Hello.")
    await voice.aclose()
    assert "OPENAI_API_KEY" in caplog.text
    with pytest.raises(SynthesisError, match="closed"):
        await speak(voice, "Hello.")


async def test_it_connects_as_soon_as_somebody_is_there() -> None:
    async with OpenAIVoiceServer(status=503) as openai:
        voice = OpenAIRealtimeVoice(settings(openai))
        await voice.start()
        while not openai.headers:
            await asyncio.sleep(0.01)
        openai.status = 200
        await openai.until_connected(WARM)
        await voice.aclose()
        await openai.until_connected(0)


async def test_sessions_are_renewed_before_they_expire(openai: OpenAIVoiceServer) -> None:
    voice = OpenAIRealtimeVoice(settings(openai), renew_seconds=0.3)
    await voice.start()
    await openai.until_connected(WARM)
    first = set(openai.sockets)
    async with asyncio.timeout(5), openai.connected:
        await openai.connected.wait_for(lambda: len(openai.sockets) == WARM and not first & openai.sockets)
    await voice.aclose()


async def test_no_more_connections_wait_than_are_worth_it(
    openai: OpenAIVoiceServer, voice: OpenAIRealtimeVoice
) -> None:
    openai.script = [b"first", Stall()]
    clauses = [voice.synthesize("Hello.") for _ in range(2 * MOST_IDLE)]
    await asyncio.gather(*map(anext, clauses))
    for clause in clauses:
        await clause.aclose()
    await openai.until_connected(MOST_IDLE)


async def test_clauses_leave_nothing_behind(openai: OpenAIVoiceServer) -> None:
    tasks = asyncio.all_tasks()
    voice = OpenAIRealtimeVoice(settings(openai))
    await voice.start()
    scripts: list[list[Step]] = [[b"first", Stall()], [b"first", Drop()], [Fail("as told")], [b"all"]]
    for number in range(40):
        openai.script = scripts[number % len(scripts)]
        async with aclosing(voice.synthesize("Hello.")) as pieces:
            with suppress(SynthesisError):
                await anext(pieces)
    await voice.aclose()
    await openai.until_connected(0)
    await asyncio.sleep(0.05)
    assert not {task for task in asyncio.all_tasks() - tasks if not task.done()}
