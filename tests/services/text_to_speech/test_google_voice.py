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
from tests.providers.voices import Stall, audio_of, speak


@pytest.fixture
async def voice(google: GoogleVoiceServer) -> AsyncIterator[GoogleTextToSpeech]:
    voice = GoogleTextToSpeech(
        load_settings(
            google_tts_endpoint=google.address,
            google_plaintext=True,
            google_tts_voice="de-DE-Chirp3-HD-Puck",
            google_tts_rate=1.25,
        )
    )
    await voice.start()
    yield voice
    await voice.aclose()


async def test_it_asks_for_telephone_audio_and_passes_it_through(
    google: GoogleVoiceServer, voice: GoogleTextToSpeech
) -> None:
    assert await speak(voice, "Good morning.") == audio_of("Good morning.")
    [[first, second]] = google.requests
    config = first.streaming_config
    assert (config.voice.name, config.voice.language_code) == ("de-DE-Chirp3-HD-Puck", "de-DE")
    assert config.streaming_audio_config.audio_encoding == AudioEncoding.MULAW
    assert config.streaming_audio_config.sample_rate_hertz == 8000
    assert config.streaming_audio_config.speaking_rate == 1.25
    assert "streaming_config" not in second
    assert second.input.text == "Good morning."


async def test_a_clause_given_up_before_its_first_piece_is_cancelled_at_google(
    google: GoogleVoiceServer, voice: GoogleTextToSpeech
) -> None:
    google.script = [Stall()]
    speaking = asyncio.create_task(speak(voice, "Hello."))
    await google.begun.wait()
    speaking.cancel()
    async with asyncio.timeout(2):
        await google.idle.wait()
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
    google: GoogleVoiceServer,
    voice: GoogleTextToSpeech,
    before: list[bytes],
    code: grpc.StatusCode,
    words: str,
) -> None:
    google.script = [*before, Abort(code)]
    heard = []
    with pytest.raises(SynthesisError, match=words):
        heard += [piece async for piece in voice.synthesize("Hello.")]
    google.script = None
    assert await speak(voice, "Hello.") == audio_of("Hello.")


async def test_more_clauses_at_once_than_a_connection_carries(
    google: GoogleVoiceServer, voice: GoogleTextToSpeech
) -> None:
    google.script = [b"first", Stall()]
    for _ in range(2):
        clauses = [voice.synthesize("Hello.") for _ in range(200)]
        async with asyncio.timeout(10):
            assert await asyncio.gather(*map(anext, clauses)) == [b"first"] * 200
        assert google.streaming == 200
        for clause in clauses:
            await clause.aclose()
        async with asyncio.timeout(5):
            await google.idle.wait()
    assert len(google.peers) == 3


async def test_clauses_leave_nothing_behind(google: GoogleVoiceServer, voice: GoogleTextToSpeech) -> None:
    tasks = len(asyncio.all_tasks())
    scripts: list[list[Step]] = [[b"first", Stall()], [Abort(grpc.StatusCode.INTERNAL)], [b"all"]]
    for number in range(50):
        google.script = scripts[number % 3]
        async with aclosing(voice.synthesize("Hello.")) as pieces:
            with suppress(SynthesisError):
                await anext(pieces)
    await google.idle.wait()
    await asyncio.sleep(0.05)
    gc.collect()
    assert len(asyncio.all_tasks()) <= tasks
    assert sum(isinstance(thing, grpc.aio.StreamStreamCall) for thing in gc.get_objects()) == 0


async def test_a_missing_key_file_is_a_setting_error(tmp_path: Path) -> None:
    voice = GoogleTextToSpeech(load_settings(google_application_credentials=str(tmp_path / "no.json")))
    with pytest.raises(SettingError, match=r"GOOGLE_APPLICATION_CREDENTIALS: .*no\.json was not found"):
        await voice.start()
