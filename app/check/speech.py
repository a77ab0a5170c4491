"""Each recogniser hears a word, each voice says one."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from pathlib import Path

from app.check.finding import Finding, ok, warning
from app.check.providers import ask_each, started
from app.services import choice
from app.services.speech_to_text import Final, SpeechToText
from app.services.speech_to_text.interface import RecognitionError
from app.services.text_to_speech import SynthesisError, TextToSpeech
from app.settings import Settings
from app.simulator.audio import load

WORD = Path(__file__).parents[1] / "simulator" / "recordings" / "an4_yes.wav"
"""Somebody says "yes", in one second."""
REMEDIES = {
    "UNAUTHENTICATED": "Check the key file that GOOGLE_APPLICATION_CREDENTIALS names.",
    "PERMISSION_DENIED": "Enable the Speech-to-Text API in the project, and let the service account use it.",
    "NOT_FOUND": "Check GOOGLE_CLOUD_PROJECT_ID, GOOGLE_SPEECH_MODEL and GOOGLE_SPEECH_LOCATION.",
    "INVALID_ARGUMENT": "Check GOOGLE_SPEECH_MODEL, GOOGLE_SPEECH_LOCATION and SPEECH_LANGUAGE: not every "
    "model is offered everywhere.",
    "RESOURCE_EXHAUSTED": "The project's quota of Speech-to-Text is used up; ask Google for more.",
    "UNAVAILABLE": "Check the network, and GOOGLE_SPEECH_ENDPOINT if it is set.",
    "could not be reached": "Check the network, and GOOGLE_SPEECH_ENDPOINT if it is set.",
}
"""What to do about what Google says."""


async def check_recognition(settings: Settings) -> list[Finding]:
    """Every recogniser of SPEECH_TO_TEXT.

    Raises:
        SettingError: the server would not start with these.
    """
    recognisers = choice.recognisers(settings)
    return await ask_each("SPEECH_TO_TEXT", recognisers, _hear, "nobody understands a caller.")


async def check_voices(settings: Settings) -> list[Finding]:
    """Every voice of TEXT_TO_SPEECH.

    Raises:
        SettingError: the server would not start with these.
    """
    return await ask_each("TEXT_TO_SPEECH", choice.voices(settings), _speak, "callers hear nothing.")


async def _hear(recogniser: SpeechToText) -> Finding:
    audio = await asyncio.to_thread(load, WORD)
    async with started(recogniser):
        began = time.monotonic()
        try:
            async with recogniser.stream("check") as stream:
                stream.push(audio)
                stream.finish()
                words = [event.text async for event in stream if isinstance(event, Final)]
        except RecognitionError as error:
            remedy = next((remedy for sign, remedy in REMEDIES.items() if sign in str(error)), "")
            return warning(recogniser.name, str(error), remedy)
        seconds = time.monotonic() - began
    heard = " ".join(filter(None, words))
    what = f"heard a recorded “yes” as “{heard:.40}”" if heard else "listened to a recording without a word"
    return ok(recogniser.name, f"{what}, {seconds:.1f} s after the end of it.")


async def _speak(voice: TextToSpeech) -> Finding:
    async with started(voice):
        began = time.monotonic()
        async with aclosing(voice.synthesize("Hello.")) as pieces:
            async for _piece in pieces:
                return ok(voice.name, f"says “Hello.”, first audio after {time.monotonic() - began:.2f} s.")
    raise SynthesisError("There was no audio.")
