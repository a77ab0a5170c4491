"""What a caller hears when voices fail: real clients, servers on loopback, one voice after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import grpc
import pytest
from prometheus_client import REGISTRY

from app.services.text_to_speech import SynthesisError
from app.services.text_to_speech.failover import FailoverTextToSpeech
from app.services.text_to_speech.google import GoogleTextToSpeech
from app.services.text_to_speech.openai_realtime import OpenAIRealtimeVoice
from app.settings import Settings, load_settings
from tests.providers.google_voice_server import Abort, GoogleVoiceServer
from tests.providers.openai_voice_server import KEY, OpenAIVoiceServer, Transcript
from tests.providers.voices import Stall, Wait, audio_of, speak

PATIENCE = 0.5
TEXT = "Your meeting is on Monday."


def both(google: GoogleVoiceServer, openai: OpenAIVoiceServer) -> Settings:
    return load_settings(
        google_tts_endpoint=google.address,
        google_plaintext=True,
        openai_base_url=openai.url,
        openai_api_key=KEY,
    )


@pytest.fixture
async def voice(google: GoogleVoiceServer, openai: OpenAIVoiceServer) -> AsyncIterator[FailoverTextToSpeech]:
    """Google first, then OpenAI."""
    settings = both(google, openai)
    voice = FailoverTextToSpeech([GoogleTextToSpeech(settings), OpenAIRealtimeVoice(settings)], PATIENCE)
    await voice.start()
    yield voice
    await voice.aclose()


def count(metric: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"offhook_provider_{metric}_total", labels) or 0.0


async def test_the_first_voice_speaks_while_it_is_well(
    google: GoogleVoiceServer, openai: OpenAIVoiceServer, voice: FailoverTextToSpeech
) -> None:
    assert await speak(voice, TEXT) == audio_of(TEXT)
    assert len(google.requests) == 1
    assert not openai.streaming
    assert voice.name == "google+openai"


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.CANCELLED]
)
async def test_one_that_fails_is_replaced_and_left_alone_for_a_while(
    google: GoogleVoiceServer,
    voice: FailoverTextToSpeech,
    caplog: pytest.LogCaptureFixture,
    code: grpc.StatusCode,
) -> None:
    failures = count("failures", provider="google", fault="failed")
    switches = count("switches", service="text_to_speech", to="openai")
    google.script = [Abort(code)]
    assert await speak(voice, TEXT) == audio_of(TEXT)
    assert await speak(voice, TEXT) == audio_of(TEXT)
    assert len(google.requests) == 1
    assert count("failures", provider="google", fault="failed") == failures + 1
    assert count("switches", service="text_to_speech", to="openai") == switches + 1
    [line] = [record.getMessage() for record in caplog.records if "takes over" in record.getMessage()]
    assert code.name in line
    assert "openai takes over" in line


async def test_one_that_says_nothing_is_replaced_in_time(
    google: GoogleVoiceServer, voice: FailoverTextToSpeech
) -> None:
    late = count("failures", provider="google", fault="late")
    google.script = [Stall()]
    begun = time.monotonic()
    assert await speak(voice, TEXT) == audio_of(TEXT)
    assert PATIENCE / 2 <= time.monotonic() - begun < PATIENCE + 1
    assert count("failures", provider="google", fault="late") == late + 1
    async with asyncio.timeout(2):
        await google.idle.wait()


@pytest.mark.parametrize("end", [Stall(), Abort(grpc.StatusCode.INTERNAL)])
async def test_a_clause_that_broke_off_is_spoken_anew_and_whole(
    google: GoogleVoiceServer, voice: FailoverTextToSpeech, end: Stall | Abort
) -> None:
    begun = audio_of(TEXT)[:3000]
    google.script = [begun, end]
    assert await speak(voice, TEXT) == begun + audio_of(TEXT)


async def test_what_one_rewords_the_next_one_says_right(
    google: GoogleVoiceServer, openai: OpenAIVoiceServer
) -> None:
    settings = both(google, openai)
    voice = FailoverTextToSpeech([OpenAIRealtimeVoice(settings), GoogleTextToSpeech(settings)], PATIENCE)
    await voice.start()
    reworded = count("failures", provider="openai", fault="reworded")
    openai.script = [Transcript("Oh, thank you! That is good to know."), b"not heard"]
    assert await speak(voice, TEXT) == audio_of(TEXT)
    assert count("failures", provider="openai", fault="reworded") == reworded + 1
    await voice.aclose()


async def test_slow_is_not_late(google: GoogleVoiceServer, voice: FailoverTextToSpeech) -> None:
    google.script = [Wait(0.05), b"one", Wait(0.05), b"two", Wait(0.05), b"three"]
    assert await speak(voice, TEXT) == b"onetwothree"


async def test_a_listener_who_takes_his_time_is_not_the_voices_fault(
    google: GoogleVoiceServer, voice: FailoverTextToSpeech
) -> None:
    google.script = [b"one", b"two"]
    async with aclosing(voice.synthesize(TEXT)) as pieces:
        assert await anext(pieces) == b"one"
        await asyncio.sleep(PATIENCE * 1.5)
        assert await anext(pieces) == b"two"


async def test_with_all_under_suspicion_they_are_tried_all_the_same(
    google: GoogleVoiceServer, openai: OpenAIVoiceServer, voice: FailoverTextToSpeech
) -> None:
    google.script = [Abort(grpc.StatusCode.UNAVAILABLE)]
    openai.script = [Transcript("Bad. ")]
    with pytest.raises(SynthesisError, match=r"google failed.*openai failed"):
        await speak(voice, TEXT)
    google.script = None
    assert await speak(voice, TEXT) == audio_of(TEXT)


async def test_a_clause_given_up_is_given_up_by_the_voice(
    google: GoogleVoiceServer, voice: FailoverTextToSpeech
) -> None:
    google.script = [b"one", Stall()]
    async with aclosing(voice.synthesize(TEXT)) as pieces:
        await anext(pieces)
    async with asyncio.timeout(2):
        await google.idle.wait()
    google.script = None
    assert await speak(voice, TEXT) == audio_of(TEXT)


async def test_closed_it_speaks_no_more(voice: FailoverTextToSpeech) -> None:
    await voice.aclose()
    assert not voice.ready
    with pytest.raises(SynthesisError, match="closed"):
        await speak(voice, TEXT)
