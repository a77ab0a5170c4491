"""Google's voice, by its real client, against a server on loopback."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path

import grpc
import pytest
from google.cloud.texttospeech_v1 import AudioEncoding

from app.errors import SettingError
from app.services.text_to_speech import SynthesisError
from app.services.text_to_speech.google import GoogleTextToSpeech
from app.settings import load_settings
from tests.providers.google_voice_server import Abort, GoogleVoiceServer, Step
from tests.providers.voices import Stall, audio_of


@pytest.fixture
async def server() -> AsyncIterator[GoogleVoiceServer]:
    async with GoogleVoiceServer() as server:
        yield server


@pytest.fixture
async def voice(server: GoogleVoiceServer) -> AsyncIterator[GoogleTextToSpeech]:
    voice = GoogleTextToSpeech(
        load_settings(
            google_tts_endpoint=server.address,
            google_plaintext=True,
            google_tts_voice="de-DE-Chirp3-HD-Puck",
            google_tts_rate=1.25,
        )
    )
    await voice.start()
    yield voice
    await voice.aclose()


async def speak(voice: GoogleTextToSpeech, text: str) -> bytes:
    return b"".join([piece async for piece in voice.synthesize(text)])


async def test_it_asks_for_telephone_audio_and_passes_it_through(
    server: GoogleVoiceServer, voice: GoogleTextToSpeech
) -> None:
    assert await speak(voice, "Good morning.") == audio_of("Good morning.")
    [[first, second]] = server.requests
    config = first.streaming_config
    assert (config.voice.name, config.voice.language_code) == ("de-DE-Chirp3-HD-Puck", "de-DE")
    assert config.streaming_audio_config.audio_encoding == AudioEncoding.MULAW
    assert config.streaming_audio_config.sample_rate_hertz == 8000
    assert config.streaming_audio_config.speaking_rate == 1.25
    assert "streaming_config" not in second
    assert second.input.text == "Good morning."


async def test_the_first_piece_is_there_before_the_second_is_made(
    server: GoogleVoiceServer, voice: GoogleTextToSpeech
) -> None:
    server.script = [b"first", Stall()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        assert await anext(pieces) == b"first"
        assert server.running == 1


async def test_a_clause_given_up_is_cancelled_at_google(
    server: GoogleVoiceServer, voice: GoogleTextToSpeech
) -> None:
    server.script = [b"first", Stall()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        await anext(pieces)
    async with asyncio.timeout(2):
        await server.idle.wait()


async def test_so_is_one_that_was_never_answered(
    server: GoogleVoiceServer, voice: GoogleTextToSpeech
) -> None:
    server.script = [Stall()]
    speaking = asyncio.create_task(speak(voice, "Hello."))
    await server.begun.wait()
    speaking.cancel()
    async with asyncio.timeout(2):
        await server.idle.wait()
    with pytest.raises(asyncio.CancelledError):
        await speaking


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "Enable the Text-to-Speech API"),
        (grpc.StatusCode.UNAUTHENTICATED, "GOOGLE_APPLICATION_CREDENTIALS"),
        (grpc.StatusCode.INVALID_ARGUMENT, "Check GOOGLE_TTS_VOICE"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "quota"),
        (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE: as told"),
        (grpc.StatusCode.CANCELLED, "CANCELLED: as told"),
    ],
)
@pytest.mark.parametrize("before", [[], [b"some audio"]])
async def test_a_failure_says_what_to_do(
    server: GoogleVoiceServer,
    voice: GoogleTextToSpeech,
    before: list[bytes],
    code: grpc.StatusCode,
    words: str,
) -> None:
    server.script = [*before, Abort(code)]
    heard = []
    with pytest.raises(SynthesisError, match=words):
        heard += [piece async for piece in voice.synthesize("Hello.")]
    server.script = None
    assert await speak(voice, "Hello.") == audio_of("Hello.")


async def test_silence_is_a_failure(server: GoogleVoiceServer, voice: GoogleTextToSpeech) -> None:
    server.script = []
    with pytest.raises(SynthesisError, match="no audio"):
        await speak(voice, "Hello.")


async def test_nobody_there_is_a_failure() -> None:
    voice = GoogleTextToSpeech(load_settings(google_tts_endpoint="127.0.0.1:9", google_plaintext=True))
    await voice.start()
    assert voice.ready
    with pytest.raises(SynthesisError, match="UNAVAILABLE"):
        await speak(voice, "Hello.")
    await voice.aclose()
    with pytest.raises(SynthesisError, match="closed"):
        await speak(voice, "Hello.")


async def test_closing_ends_what_is_being_spoken(
    server: GoogleVoiceServer, voice: GoogleTextToSpeech
) -> None:
    server.script = [b"first", Stall()]
    async with aclosing(voice.synthesize("Hello.")) as pieces:
        await anext(pieces)
        going_on = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        await voice.aclose()
        with pytest.raises(SynthesisError):
            await going_on


async def test_more_clauses_at_once_than_a_connection_carries(
    server: GoogleVoiceServer, voice: GoogleTextToSpeech
) -> None:
    server.script = [b"first", Stall()]
    for _ in range(2):
        clauses = [voice.synthesize("Hello.") for _ in range(200)]
        async with asyncio.timeout(10):
            assert await asyncio.gather(*map(anext, clauses)) == [b"first"] * 200
        assert server.running == 200
        for clause in clauses:
            await clause.aclose()
        async with asyncio.timeout(5):
            await server.idle.wait()
    assert len(server.peers) == 3


async def test_clauses_leave_nothing_behind(server: GoogleVoiceServer, voice: GoogleTextToSpeech) -> None:
    tasks = len(asyncio.all_tasks())
    scripts: list[list[Step]] = [[b"first", Stall()], [Abort(grpc.StatusCode.INTERNAL)], [b"all"]]
    for number in range(50):
        server.script = scripts[number % 3]
        async with aclosing(voice.synthesize("Hello.")) as pieces:
            with suppress(SynthesisError):
                await anext(pieces)
    await server.idle.wait()
    await asyncio.sleep(0.05)
    gc.collect()
    assert len(asyncio.all_tasks()) <= tasks
    assert sum(isinstance(thing, grpc.aio.StreamStreamCall) for thing in gc.get_objects()) == 0


async def test_a_missing_key_file_is_a_setting_error(tmp_path: Path) -> None:
    voice = GoogleTextToSpeech(load_settings(google_application_credentials=str(tmp_path / "no.json")))
    with pytest.raises(SettingError, match=r"GOOGLE_APPLICATION_CREDENTIALS: .*no\.json was not found"):
        await voice.start()
