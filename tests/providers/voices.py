"""What the loopback voices have in common: audio that tells which words it speaks, and how they fail."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from app.services.text_to_speech import TextToSpeech
from app.services.text_to_speech.resample import ToTelephone

WORD_MS = 400
"""How long each word lasts: two and a half a second, as people speak."""


def audio_of(text: str, rate: int = 8000, width: int = 1) -> bytes:
    """The audio of a text: of each word, its own letters again and again."""
    length = WORD_MS * rate // 1000 * width
    return b"".join((word.encode() * length)[:length] for word in text.split())


def telephone(pcm: bytes) -> bytes:
    """What a telephone gets of samples of 24 kHz."""
    resampler = ToTelephone()
    return resampler.feed(pcm) + resampler.flush()


async def speak(voice: TextToSpeech, text: str) -> bytes:
    """All that a voice makes of a text."""
    return b"".join([piece async for piece in voice.synthesize(text)])


class VoiceServer(Protocol):
    """What the loopback servers have in common."""

    script: Any
    """What to do instead of speaking: each server has its own steps, those of this file in common."""
    address: str
    streaming: int
    """Answers under way."""
    idle: asyncio.Event
    """Set while there are none."""


@dataclass(frozen=True, slots=True)
class Stall:
    """Say nothing more, for ever."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection."""
