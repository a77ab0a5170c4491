"""What `offhook check` says of recognisers and voices, on servers of which every fault is asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.cloud import speech_v2
from grpc import StatusCode as Code

from app.check.speech import check_recognition, check_voices
from app.errors import SettingError
from app.settings import Settings, load_settings
from tests.check.reading import levels, openai_settings
from tests.providers.google_speech_server import Script, SpeechServer
from tests.providers.google_voice_server import Abort, GoogleVoiceServer
from tests.providers.openai_voice_server import KEY, OpenAIVoiceServer


class Listener(SpeechServer):
    """Hears "Yes." in whatever it is sent."""

    async def _recognise(
        self, version: int, requests: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[speech_v2.StreamingRecognizeResponse]:
        audio = b"".join([request.audio async for request in requests])
        assert 7000 < len(audio) < 9000
        word = {
            "alternatives": [{"transcript": "Yes."}],
            "is_final": True,
            "result_end_offset": {"seconds": 1},
        }
        yield speech_v2.StreamingRecognizeResponse(results=[word])


def recognition(address: str) -> Settings:
    """Google, and nobody behind it."""
    return load_settings(
        speech_to_text="google",
        google_plaintext=True,
        google_cloud_project_id="p",
        google_speech_endpoint=address,
        failover_seconds=0.3,
    )


def voice(address: str) -> Settings:
    return load_settings(text_to_speech="google", google_plaintext=True, google_tts_endpoint=address)


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIVoiceServer]:
    async with OpenAIVoiceServer() as server:
        yield server


async def test_a_recogniser_that_hears_is_told_with_its_words_and_its_time() -> None:
    async with Listener([]).serving() as server:
        (finding,) = await check_recognition(recognition(server.address))
    assert (finding.level.value, finding.subject) == ("✓", "google")
    assert "as “Yes.”" in finding.text
    assert " s after" in finding.text


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (Code.UNAUTHENTICATED, "GOOGLE_APPLICATION_CREDENTIALS"),
        (Code.PERMISSION_DENIED, "Enable the Speech-to-Text API"),
        (Code.NOT_FOUND, "GOOGLE_SPEECH_MODEL"),
        (Code.RESOURCE_EXHAUSTED, "quota"),
    ],
)
async def test_a_recogniser_that_refuses_is_told_with_what_to_do(code: Code, remedy: str) -> None:
    refusing = Script(abort_at_ms=0, code=code)
    async with SpeechServer([], lambda n: refusing).serving() as server:
        findings = await check_recognition(recognition(server.address))
    assert levels(findings) == "!✗"
    assert code.name in findings[0].text
    assert remedy in findings[0].advice


async def test_a_recogniser_that_is_not_there_is_told() -> None:
    findings = await check_recognition(recognition("127.0.0.1:1"))
    assert levels(findings) == "!✗"
    assert "GOOGLE_SPEECH_ENDPOINT" in findings[0].advice


async def test_a_project_that_is_missing_would_keep_the_server_from_starting() -> None:
    settings = load_settings(speech_to_text="google", google_plaintext=True)
    findings = await check_recognition(settings)
    assert levels(findings) == "✗✗"
    assert findings[0].subject == "GOOGLE_CLOUD_PROJECT_ID"


async def test_a_provider_that_is_named_and_not_configured_is_an_error() -> None:
    with pytest.raises(SettingError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        await check_voices(load_settings(text_to_speech="google"))


async def test_googles_voice_is_told_with_its_time_to_first_audio() -> None:
    async with GoogleVoiceServer() as server:
        (finding,) = await check_voices(voice(server.address))
    assert finding.level.value == "✓"
    assert "first audio after" in finding.text


async def test_a_voice_that_is_not_there_is_told_with_what_to_do() -> None:
    async with GoogleVoiceServer(script=[Abort(Code.NOT_FOUND)]) as server:
        findings = await check_voices(voice(server.address))
    assert levels(findings) == "!✗"
    assert "GOOGLE_TTS_VOICE" in findings[0].text


@pytest.mark.parametrize("model", ["", "kokoro"], ids=["realtime", "speech"])
async def test_openais_voice_speaks_with_the_right_key_only(openai: OpenAIVoiceServer, model: str) -> None:
    right = openai_settings(
        openai.url, openai_api_key=KEY, text_to_speech="openai", openai_speech_model=model
    )
    assert levels(await check_voices(right)) == "✓"
    wrong = openai_settings(openai.url, text_to_speech="openai", openai_speech_model=model)
    findings = await check_voices(wrong)
    assert levels(findings) == "!✗"
    assert "OPENAI_API_KEY" in findings[0].text
