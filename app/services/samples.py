"""Audio as the engines want it: μ-law bytes become floats."""

from __future__ import annotations

import audioop

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 8000
WINDOW = 256
"""Samples in a window, 32 ms: what Silero VAD judges at once."""

Samples = NDArray[np.float32]

_PCM = np.frombuffer(audioop.ulaw2lin(bytes(range(256)), 2), dtype=np.int16)
_VALUES: Samples = _PCM.astype(np.float32) / np.float32(32768)
"""What each of the 256 bytes means, full scale ±1."""


def to_samples(audio: bytes) -> Samples:
    """8 kHz μ-law as floats, full scale ±1."""
    return _VALUES[np.frombuffer(audio, dtype=np.uint8)]


def last(audio: bytes, count: int) -> bytes:
    """The last `count` bytes of 8 kHz μ-law; where there are fewer, silence was before them."""
    return audio[-count:].rjust(count, b"\xff")


def doubled(samples: Samples) -> Samples:
    """The same sound at twice the sample rate, with nothing above the old one's half."""
    result: Samples = 2 * np.fft.irfft(np.fft.rfft(samples), 2 * len(samples)).astype(np.float32)
    return result
