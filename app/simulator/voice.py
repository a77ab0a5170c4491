"""The caller's voice: the local voice, shifted so that nobody takes it for the agent's."""

from __future__ import annotations

import audioop

from app.services.text_to_speech.interface import TextToSpeech
from app.simulator.script import Play
from app.simulator.wire import SILENT_FRAME

PITCH = 0.93
"""Lower and slower by this factor: another person. Between 0.90 and 0.94 the local recogniser got all of ten
renderings of the demo's reminder right; a faster voice loses words ("tomorrow at three" at 1.12)."""
LEAD_FRAMES = 5
TAIL_FRAMES = 10
"""Silence before and after, as people leave it."""


async def spoken(voice: TextToSpeech, text: str) -> Play:
    """The step in which the caller says `text`."""
    audio = b"".join([piece async for piece in voice.synthesize(text)])
    return Play(SILENT_FRAME * LEAD_FRAMES + shifted(audio) + SILENT_FRAME * TAIL_FRAMES, text)


def shifted(audio: bytes, factor: float = PITCH) -> bytes:
    """μ-law played `factor` times as fast, at the same sampling rate.

    `audioop.ratecv` does not filter, but a telephone voice has next to nothing above 3.4 kHz, so that
    neither what folds back nor its image is heard while `factor` is near 1.
    """
    faster, _ = audioop.ratecv(audioop.ulaw2lin(audio, 2), 2, 1, round(8000 * factor), 8000, None)
    return audioop.lin2ulaw(faster, 2)
