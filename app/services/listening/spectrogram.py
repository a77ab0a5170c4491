"""What a stretch of a line sounds like, as a network that knows words was taught to see it. No I/O."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from app.services.listening.interface import HEARD_BYTES
from app.services.samples import Samples

Floats = npt.NDArray[np.float32]

_STEP, _WINDOW = 80, 256
"""Samples: a frame of 32 ms every 10 ms."""
FRAMES = 1 + (HEARD_BYTES - _WINDOW) // _STEP
"""76, which is what the network takes."""
BANDS = 32
_LOWEST, _HIGHEST = 60.0, 3800.0
"""Hz."""


def spectrogram(samples: Samples) -> Floats:
    """FRAMES rows of BANDS, of HEARD_BYTES samples of 8 kHz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples * 32768, _WINDOW)[::_STEP]
    transform = np.fft.rfft(frames * _HANN, axis=1)
    decibels = 10 * np.log10(np.maximum((transform.real**2 + transform.imag**2) @ _MEL, 1e-10))
    # On the scale on which the network that ours was made of was taught.
    result: Floats = (np.maximum(decibels, decibels.max() - 80) / 10 + 2).astype(np.float32)
    return result


def _hann() -> Floats:
    window = np.zeros(_WINDOW, np.float32)
    window[28:228] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200)
    return window


def _mel() -> Floats:
    """Triangles on Slaney's scale, each of the same area: what librosa calls `mel`."""
    step = np.log(6.4) / 27
    knee = 15.0

    def of(hertz: float) -> float:
        return float(hertz * 3 / 200 if hertz < 1000 else knee + np.log(hertz / 1000) / step)

    mels = np.linspace(of(_LOWEST), of(_HIGHEST), BANDS + 2)
    edges = np.where(mels < knee, mels * 200 / 3, 1000 * np.exp((mels - knee) * step))
    hertz = np.arange(_WINDOW // 2 + 1)[:, np.newaxis] * 8000 / _WINDOW
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rises, falls = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    # Times four: the network was taught with twice as many samples a second.
    result: Floats = (8 / (high - low) * np.maximum(0, np.minimum(rises, falls))).astype(np.float32)
    return result


_HANN = _hann()
_MEL = _mel()
