from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from app.services.speech_to_text.local import LocalSpeechToText
from app.settings import load_settings


@pytest_asyncio.fixture(scope="session")
async def recogniser() -> AsyncIterator[LocalSpeechToText]:
    """Loaded once for all tests; those that harm it start their own."""
    recogniser = LocalSpeechToText(load_settings(local_speech_workers=2))
    await recogniser.start()
    yield recogniser
    await recogniser.aclose()
