"""What all voices over the network have in common: by their real clients, against servers on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass

import pytest

from app.services.text_to_speech import SynthesisError, TextToSpeech
from app.services.text_to_speech.google import GoogleTextToSpeech
from app.services.text_to_speech.openai_realtime import OpenAIRealtimeVoice
from app.services.text_to_speech.openai_speech import OpenAISpeech
from app.services.text_to_speech.resample import ToTelephone
from app.settings import Settings, load_settings
from tests.providers.google_voice_server import GoogleVoiceServer
from tests.providers.openai_voice_server import KEY, OpenAIVoiceServer
from tests.providers.voices import Stall, VoiceServer, audio_of, speak, telephone

NOBODY = "127.0.0.1:9"
FIRST = bytes(4801)
"""A piece of audio; of samples, half of one is left over."""


def google(address: str) -> Settings:
    return load_settings(google_tts_endpoint=address, google_plaintext=True)


def openai(address: str) -> Settings:
    return load_settings(
        openai_base_url=f"http://{address}/v1", openai_api_key=KEY, openai_speech_model="kokoro"
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """A voice, who serves it, and what they make of `FIRST` and of "Hello."."""

    server: Callable[[], AbstractAsyncContextManager[VoiceServer]]
    voice: Callable[[str], TextToSpeech]
    nobody_there: str
    first: bytes = FIRST
    hello: bytes = audio_of("Hello.")


KINDS = {
    "google": Kind(GoogleVoiceServer, lambda address: GoogleTextToSpeech(google(address)), "UNAVAILABLE"),
    "realtime": Kind(OpenAIVoiceServer, lambda address: OpenAIRealtimeVoice(openai(address)), "connection"),
    "speech": Kind(
        OpenAIVoiceServer,
        lambda address: OpenAISpeech(openai(address)),
        "no connection",
        first=ToTelephone().feed(FIRST),
        hello=telephone(audio_of("Hello.", rate=24000, width=2)),
    ),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
async def server(kind: Kind) -> AsyncIterator[VoiceServer]:
    async with kind.server() as server:
        yield server


@pytest.fixture
async def voice(kind: Kind, server: VoiceServer) -> AsyncIterator[TextToSpeech]:
    voice = kind.voice(server.address)
    await voice.start()
    yield voice
    await voice.aclose()


async def test_the_first_piece_is_there_before_the_second_is_made(
    kind: Kind, server: VoiceServer, voice: TextToSpeech
) -> None:
    server.script = [FIRST, Stall()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        assert await anext(pieces) == kind.first
        assert server.streaming == 1


async def test_a_clause_given_up_is_ended_at_the_server(
    kind: Kind, server: VoiceServer, voice: TextToSpeech
) -> None:
    server.script = [FIRST, Stall()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        await anext(pieces)
    async with asyncio.timeout(2):
        await server.idle.wait()
    server.script = None
    assert await speak(voice, "Hello.") == kind.hello


async def test_silence_is_a_failure(server: VoiceServer, voice: TextToSpeech) -> None:
    server.script = []
    with pytest.raises(SynthesisError, match="no audio"):
        await speak(voice, "Hello.")


async def test_nobody_there_is_a_failure(kind: Kind) -> None:
    voice = kind.voice(NOBODY)
    await voice.start()
    assert voice.ready
    with pytest.raises(SynthesisError, match=kind.nobody_there):
        await speak(voice, "Hello.")
    await voice.aclose()
    with pytest.raises(SynthesisError, match="closed"):
        await speak(voice, "Hello.")


async def test_closing_ends_what_is_being_spoken(server: VoiceServer, voice: TextToSpeech) -> None:
    server.script = [FIRST, Stall()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        await anext(pieces)
        going_on = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        await voice.aclose()
        async with asyncio.timeout(2):
            with pytest.raises(SynthesisError):
                await going_on
            await server.idle.wait()
