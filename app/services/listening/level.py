"""The end of a line, as loud as that of any other. No I/O."""

from __future__ import annotations

import numpy as np

from app.services.listening.interface import HEARD_BYTES
from app.services.samples import Samples, last, to_samples

_LOUD = 3000 / 32768
"""Root mean square that the loudest 50 ms of the last 400 ms are brought to, full scale ±1: soft voices and
loud ones are the same then."""


def levelled(audio: bytes) -> Samples:
    """The last HEARD_BYTES of `audio`, 8 kHz μ-law; where it is shorter, silence was before it."""
    samples = to_samples(last(audio, HEARD_BYTES))
    loudest = np.sqrt((samples[-3200:].reshape(-1, 400) ** 2).mean(axis=1).max() + 1e-9)
    result: Samples = samples * np.float32(_LOUD / loudest)
    return result
