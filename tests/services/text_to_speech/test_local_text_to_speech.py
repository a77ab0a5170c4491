"""The real voice, understood by the real recogniser."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing
from pathlib import Path

import pytest

from app.errors import SettingError
from app.services.speech_to_text import Final
from app.services.speech_to_text.local import LocalSpeechToText
from app.services.text_to_speech import SynthesisError
from app.services.text_to_speech.local import LocalTextToSpeech
from app.services.text_to_speech.phrase_cache import PhraseCache
from app.settings import load_settings
from tests.services.speech_to_text import wer

LONG = "The first sentence is here. " + "Another one follows it, and it is a little longer than that. " * 8


async def speak(voice: LocalTextToSpeech | PhraseCache, text: str) -> bytes:
    return b"".join([piece async for piece in voice.synthesize(text)])


async def test_what_it_says_is_understood(voice: LocalTextToSpeech) -> None:
    said = "Please remind me to call the doctor tomorrow afternoon."
    recogniser = LocalSpeechToText(load_settings(local_speech_workers=1))
    await recogniser.start()
    try:
        async with recogniser.stream("CA1") as stream:
            stream.push(await speak(voice, said))
            stream.finish()
            heard = " ".join([event.text async for event in stream if isinstance(event, Final)])
    finally:
        await recogniser.aclose()
    assert wer.rate(said, heard) <= 0.15


async def test_a_sentence_comes_as_soon_as_it_is_made(voice: LocalTextToSpeech) -> None:
    pieces = [piece async for piece in voice.synthesize("This is one. This is two. This is three.")]
    assert len(pieces) == 3


async def test_what_cannot_be_pronounced_is_silent(voice: LocalTextToSpeech) -> None:
    assert await speak(voice, "") == b""
    assert await speak(voice, "...") == b""


async def test_a_clause_given_up_does_not_hold_up_the_next(voice: LocalTextToSpeech) -> None:
    async with aclosing(voice.synthesize(LONG)) as pieces:
        await anext(pieces)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert await speak(voice, "Okay.")
    # Spoken to its end, the rest would take several times as long.
    given_up = loop.time() - begun
    begun = loop.time()
    assert await speak(voice, LONG)
    assert given_up < (loop.time() - begun) / 2


async def test_clauses_of_several_calls_are_spoken_apart(voice: LocalTextToSpeech) -> None:
    short, long = await asyncio.gather(
        speak(voice, "Yes."), speak(voice, "That is noted for tomorrow at noon.")
    )
    assert len(long) > 2 * len(short) > 0


async def test_a_clause_survives_the_death_of_the_process() -> None:
    voice = LocalTextToSpeech(load_settings())
    await voice.start()
    try:
        assert voice.worker.pid is not None
        os.kill(voice.worker.pid, signal.SIGSTOP)
        speaking = asyncio.create_task(speak(voice, "Okay."))
        await asyncio.sleep(0)
        os.kill(voice.worker.pid, signal.SIGKILL)
        assert await speaking
        assert voice.ready
    finally:
        await voice.aclose()
    with pytest.raises(SynthesisError):
        await speak(voice, "Okay.")
    assert not voice.ready


async def test_a_missing_voice_is_a_setting_error_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "piper.py").write_text("raise ModuleNotFoundError('No module named piper')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SettingError, match=r"TEXT_TO_SPEECH.*piper.*pip install 'offhook\[local-voice\]'"):
        await LocalTextToSpeech(load_settings()).start()


async def test_a_caller_does_not_wait_for_ever_for_a_voice_that_is_stuck(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.services.text_to_speech.local.PATIENCE", 1.0)
    voice = LocalTextToSpeech(load_settings())
    await voice.start()
    try:
        assert voice.worker.pid is not None
        os.kill(voice.worker.pid, signal.SIGSTOP)
        async with asyncio.timeout(2.0):
            with pytest.raises(SynthesisError):
                await speak(voice, "Okay.")
        async with asyncio.timeout(10.0):
            await voice.worker.wait_ready()
    finally:
        await voice.aclose()


async def test_the_cache_speaks_a_warm_phrase_from_memory(voice: LocalTextToSpeech) -> None:
    cache = PhraseCache(voice)
    await cache.warm(["Hello there."])
    # Piper never says a thing the same way twice.
    assert await speak(cache, "Hello there.") == await speak(cache, "Hello there.")
    assert await speak(cache, "Hello there.") != await speak(voice, "Hello there.")


async def test_the_cache_keeps_nothing_of_what_a_call_says(voice: LocalTextToSpeech) -> None:
    cache = PhraseCache(voice)
    assert await speak(cache, "You told me: tea.") != await speak(cache, "You told me: tea.")
