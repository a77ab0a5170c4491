"""The caller's voice: the local voice, shifted so that nobody takes it for the agent's."""

from __future__ import annotations

import audioop
import re

from app.services.text_to_speech.interface import TextToSpeech
from app.simulator.audio import RATE
from app.simulator.listening import voice_span
from app.simulator.script import Play
from app.simulator.wire import FRAME_MS, SILENT_FRAME

PITCH = 0.93
"""Lower and slower by this factor: another person. Between 0.90 and 0.94 the local recogniser got all of ten
renderings of the demo's reminder right; a faster voice loses words ("tomorrow at three" at 1.12)."""
LEAD_FRAMES = 5
TAIL_FRAMES = 10
"""Silence before and after, as people leave it."""
EDGE_MS = 60
"""What is kept around a phrase: consonants are softer than what counts as voice."""
_PAUSE = re.compile(r"\s*\[(\d+(?:\.\d+)?)\]\s*")


class CallerVoice:
    """Says texts, with the pauses (in seconds) that stand in them: "Remind me [0.6] to call Anna"."""

    def __init__(self, voice: TextToSpeech) -> None:
        self._voice = voice
        self._spoken: dict[str, bytes] = {}

    async def say(self, text: str, pitch: float = PITCH) -> bytes:
        """8 kHz μ-law, with silence around it as people leave it. Each phrase is spoken once.

        Raises:
            SynthesisError: the voice gave up.
        """
        phrases = _PAUSE.split(text)
        said = SILENT_FRAME * LEAD_FRAMES
        for number, phrase in enumerate(phrases):
            if number % 2:
                said += SILENT_FRAME * max(0, round((float(phrase) * 1000 - 2 * EDGE_MS) / FRAME_MS))
            elif phrase:
                # A comma keeps the voice up: the sentence goes on.
                goes_on = number < len(phrases) - 1 and phrase[-1].isalnum()
                spoken = shifted(await self._phrase(f"{phrase}," if goes_on else phrase), pitch)
                said += spoken if len(phrases) == 1 else _trimmed(spoken)
        return said + SILENT_FRAME * TAIL_FRAMES

    async def _phrase(self, text: str) -> bytes:
        if text not in self._spoken:
            self._spoken[text] = b"".join([piece async for piece in self._voice.synthesize(text)])
        return self._spoken[text]


async def spoken(voice: TextToSpeech, text: str) -> Play:
    """The step in which the caller says `text`."""
    return Play(await CallerVoice(voice).say(text), without_pauses(text))


def without_pauses(text: str) -> str:
    """The words alone."""
    return _PAUSE.sub(" ", text).strip()


def _trimmed(spoken: bytes) -> bytes:
    """The voice with `EDGE_MS` on either side, silent where there was less."""
    span = voice_span(spoken)
    silence = b"\xff" * (EDGE_MS * RATE // 1000)
    padded = silence + spoken + silence
    return padded[span.start_ms * RATE // 1000 : (span.end_ms + 2 * EDGE_MS) * RATE // 1000]


def shifted(audio: bytes, factor: float = PITCH) -> bytes:
    """μ-law played `factor` times as fast, at the same sampling rate.

    `audioop.ratecv` does not filter, but a telephone voice has next to nothing above 3.4 kHz, so that
    neither what folds back nor its image is heard while `factor` is near 1.
    """
    faster, _ = audioop.ratecv(audioop.ulaw2lin(audio, 2), 2, 1, round(8000 * factor), 8000, None)
    return audioop.lin2ulaw(faster, 2)
