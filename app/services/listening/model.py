"""The judge of voices that Offhook comes with: two networks.

The first, Silero's, says whether it is speech at all: laughs, coughs and groans are voices as well. The
second says whether somebody speaks who wants to be heard: it is Google's speech embedding, a network for
keywords that 200 million clips were shown to (Apache-2.0), the last layers of which `benchmarks/listening.py`
has taught to tell "yeah" from "no, wait". All of it lies in `taught.onnx`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.services import one_thread, silero
from app.services.listening.spectrogram import spectrogram
from app.services.samples import SAMPLE_RATE, WINDOW, to_samples

TAUGHT = Path(__file__).parent / "taught.onnx"

SPEECH = 0.95
"""A voice that the first network is less sure of at every moment says nothing. So are half of people's
coughs, laughs and groans, and few of their words: benchmarks/floor.py."""
LOOKS_BACK = 16 * WINDOW
"""Samples for it, half a second: it needs some before the voice."""


class TaughtListening:
    """See `Listening`. One for all calls: it keeps nothing."""

    def __init__(self, network: Path = TAUGHT) -> None:
        self._silero = silero.session()
        self._taught = one_thread.session(network)

    def only_listens(self, audio: bytes, voice_seconds: float) -> float:
        """See `Listening`. A line that has just begun is taken to have been silent before."""
        if self._speech(audio, voice_seconds) < SPEECH:
            return 1.0
        seen = {
            "spectrogram": spectrogram(audio)[np.newaxis],
            "seconds": np.array([[voice_seconds]], np.float32),
        }
        return float(self._taught.run(None, seen)[0][0, 0])

    def _speech(self, audio: bytes, voice_seconds: float) -> float:
        """The probability of speech where it is likeliest since shortly before the voice began."""
        heard = audio[-LOOKS_BACK:].rjust(LOOKS_BACK, b"\xff")
        windows = 2 + int(voice_seconds * SAMPLE_RATE / WINDOW)
        return max(silero.Stream(self._silero).speech(to_samples(heard))[-windows:])
