"""The voice of an OpenAI-compatible server, by the real client, against one on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from app.services.text_to_speech import SynthesisError
from app.services.text_to_speech.openai_speech import OpenAISpeech
from app.services.text_to_speech.resample import ToTelephone
from app.settings import load_settings
from tests.providers.openai_voice_server import KEY, OpenAIVoiceServer
from tests.providers.voices import Drop, Stall, audio_of


def telephone(pcm: bytes) -> bytes:
    resampler = ToTelephone()
    return resampler.feed(pcm) + resampler.flush()


@pytest.fixture
async def server() -> AsyncIterator[OpenAIVoiceServer]:
    async with OpenAIVoiceServer() as server:
        yield server


@pytest.fixture
async def voice(server: OpenAIVoiceServer) -> AsyncIterator[OpenAISpeech]:
    voice = OpenAISpeech(
        load_settings(
            openai_base_url=server.url, openai_api_key=KEY, openai_speech_model="kokoro", openai_voice="bella"
        )
    )
    await voice.start()
    yield voice
    await voice.aclose()


async def speak(voice: OpenAISpeech, text: str) -> bytes:
    return b"".join([piece async for piece in voice.synthesize(text)])


async def test_it_asks_for_samples_and_makes_them_a_telephones(
    server: OpenAIVoiceServer, voice: OpenAISpeech
) -> None:
    pcm = audio_of("Good morning.", rate=24000, width=2)
    heard = await speak(voice, "Good morning.")
    assert heard == telephone(pcm)
    assert len(heard) == len(pcm) // 6
    assert server.requests == [
        {"model": "kokoro", "voice": "bella", "input": "Good morning.", "response_format": "pcm"}
    ]


async def test_the_first_piece_is_there_before_the_second_is_made(
    server: OpenAIVoiceServer, voice: OpenAISpeech
) -> None:
    server.script = [bytes(4801), Stall()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        assert await anext(pieces)
        assert server.streaming == 1


async def test_a_clause_given_up_is_ended_at_the_server(
    server: OpenAIVoiceServer, voice: OpenAISpeech
) -> None:
    server.script = [bytes(4800), Stall()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        await anext(pieces)
    async with asyncio.timeout(2):
        await server.idle.wait()
    server.script = None
    assert await speak(voice, "Hello.")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "OPENAI_API_KEY"),
        (404, "kokoro is not there"),
        (429, "more requests"),
        (500, "500"),
        (400, "400"),
    ],
)
async def test_a_refusal_says_what_to_do(
    server: OpenAIVoiceServer, voice: OpenAISpeech, status: int, words: str
) -> None:
    server.status = status
    with pytest.raises(SynthesisError, match=words):
        await speak(voice, "Hello.")


async def test_a_connection_cut_in_the_middle_is_a_failure(
    server: OpenAIVoiceServer, voice: OpenAISpeech
) -> None:
    server.script = [bytes(4800), Drop()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        assert await anext(pieces)
        with pytest.raises(SynthesisError, match="kokoro"):
            await anext(pieces)


async def test_what_is_not_samples_is_not_played(server: OpenAIVoiceServer, voice: OpenAISpeech) -> None:
    server.content_type = "audio/mpeg"
    with pytest.raises(SynthesisError, match="response_format=pcm"):
        await speak(voice, "Hello.")


async def test_silence_is_a_failure(server: OpenAIVoiceServer, voice: OpenAISpeech) -> None:
    server.script = []
    with pytest.raises(SynthesisError, match="no audio"):
        await speak(voice, "Hello.")


async def test_nobody_there_is_a_failure() -> None:
    voice = OpenAISpeech(load_settings(openai_base_url="http://127.0.0.1:9/v1", openai_speech_model="kokoro"))
    await voice.start()
    assert voice.ready
    with pytest.raises(SynthesisError, match="no connection"):
        await speak(voice, "Hello.")
    await voice.aclose()
    with pytest.raises(SynthesisError, match="closed"):
        await speak(voice, "Hello.")


async def test_closing_ends_what_is_being_spoken(server: OpenAIVoiceServer, voice: OpenAISpeech) -> None:
    server.script = [bytes(4800), Stall()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        await anext(pieces)
        going_on = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        await voice.aclose()
        with pytest.raises(SynthesisError):
            await asyncio.wait_for(going_on, 2)
