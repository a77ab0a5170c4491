"""What a stretch of a line sounds like, as a network that knows words was taught to see it. No I/O."""

from __future__ import annotations

import audioop

import numpy as np
import numpy.typing as npt

from app.services.listening.interface import HEARD_BYTES

Floats = npt.NDArray[np.float32]

_STEP, _WINDOW = 80, 256
"""Samples: a frame of 32 ms every 10 ms."""
FRAMES = 1 + (HEARD_BYTES - _WINDOW) // _STEP
"""76, which is what the network takes."""
BANDS = 32
_LOUD = 3000.0
"""Root mean square that the loudest 50 ms of the last 400 ms are brought to, of 32 768: soft voices and loud
ones are the same to it then."""
_LOWEST, _HIGHEST = 60.0, 3800.0
"""Hz."""


def spectrogram(audio: bytes) -> Floats:
    """FRAMES rows of BANDS, of the last HEARD_BYTES of `audio`, 8 kHz μ-law; where it is shorter, silence was
    before it."""
    heard = audio[-HEARD_BYTES:].rjust(HEARD_BYTES, b"\xff")
    samples = np.frombuffer(audioop.ulaw2lin(heard, 2), np.int16)
    samples = samples.astype(np.float32)
    loudest = np.sqrt((samples[-3200:].reshape(-1, 400) ** 2).mean(axis=1).max() + 1)
    frames = np.lib.stride_tricks.sliding_window_view(samples * (_LOUD / loudest), _WINDOW)[::_STEP]
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
