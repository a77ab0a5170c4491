from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from app.services.text_to_speech.local import LocalTextToSpeech
from app.settings import load_settings


@pytest_asyncio.fixture(scope="session")
async def voice() -> AsyncIterator[LocalTextToSpeech]:
    """Loaded once for all tests; those that harm it start their own."""
    voice = LocalTextToSpeech(load_settings())
    await voice.start()
    yield voice
    await voice.aclose()
