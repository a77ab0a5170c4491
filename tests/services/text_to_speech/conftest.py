from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.services.text_to_speech.local import LocalTextToSpeech
from app.settings import load_settings
from tests.providers.google_voice_server import GoogleVoiceServer
from tests.providers.openai_voice_server import OpenAIVoiceServer


@pytest_asyncio.fixture(scope="session")
async def voice() -> AsyncIterator[LocalTextToSpeech]:
    """Loaded once for all tests; those that harm it start their own."""
    voice = LocalTextToSpeech(load_settings())
    await voice.start()
    yield voice
    await voice.aclose()


@pytest.fixture
async def google() -> AsyncIterator[GoogleVoiceServer]:
    async with GoogleVoiceServer() as server:
        yield server


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIVoiceServer]:
    async with OpenAIVoiceServer() as server:
        yield server
