"""The voice of an OpenAI-compatible server, by the real client, against one on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from app.services.text_to_speech import SynthesisError
from app.services.text_to_speech.openai_speech import OpenAISpeech
from app.settings import load_settings
from tests.providers.openai_voice_server import KEY, OpenAIVoiceServer
from tests.providers.voices import Drop, audio_of, speak, telephone


@pytest.fixture
async def voice(openai: OpenAIVoiceServer) -> AsyncIterator[OpenAISpeech]:
    voice = OpenAISpeech(
        load_settings(
            openai_base_url=openai.url, openai_api_key=KEY, openai_speech_model="kokoro", openai_voice="bella"
        )
    )
    await voice.start()
    yield voice
    await voice.aclose()


async def test_it_asks_for_samples_and_makes_them_a_telephones(
    openai: OpenAIVoiceServer, voice: OpenAISpeech
) -> None:
    pcm = audio_of("Good morning.", rate=24000, width=2)
    heard = await speak(voice, "Good morning.")
    assert heard == telephone(pcm)
    assert len(heard) == len(pcm) // 6
    assert openai.requests == [
        {"model": "kokoro", "voice": "bella", "input": "Good morning.", "response_format": "pcm"}
    ]


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
    openai: OpenAIVoiceServer, voice: OpenAISpeech, status: int, words: str
) -> None:
    openai.status = status
    with pytest.raises(SynthesisError, match=words):
        await speak(voice, "Hello.")


async def test_a_connection_cut_in_the_middle_is_a_failure(
    openai: OpenAIVoiceServer, voice: OpenAISpeech
) -> None:
    openai.script = [bytes(4800), Drop()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        assert await anext(pieces)
        with pytest.raises(SynthesisError, match="kokoro"):
            await anext(pieces)


async def test_what_is_not_samples_is_not_played(openai: OpenAIVoiceServer, voice: OpenAISpeech) -> None:
    openai.content_type = "audio/mpeg"
    with pytest.raises(SynthesisError, match="response_format=pcm"):
        await speak(voice, "Hello.")
