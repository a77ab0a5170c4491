"""The judge of voices that Offhook comes with.

It is Google's speech embedding, a network for keywords that 200 million clips were shown to (Apache-2.0), the
last layers of which `benchmarks/listening.py` has taught to tell "yeah" from "no, wait". All of it lies in
`taught.onnx`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.services import one_thread
from app.services.listening.spectrogram import spectrogram

TAUGHT = Path(__file__).parent / "taught.onnx"


class TaughtListening:
    """See `Listening`. One for all calls: it keeps nothing."""

    def __init__(self, network: Path = TAUGHT) -> None:
        self._session = one_thread.session(network)

    def only_listens(self, audio: bytes, voice_seconds: float) -> float:
        """See `Listening`. A line that has just begun is taken to have been silent before."""
        seen = {
            "spectrogram": spectrogram(audio)[np.newaxis],
            "seconds": np.array([[voice_seconds]], np.float32),
        }
        return float(self._session.run(None, seen)[0][0, 0])
