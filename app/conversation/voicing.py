"""Does a stretch of sound come from a voice? Pitch, colour and steadiness of 50 ms of it. No I/O.

This is numpy's work: a spectrum cannot be had from `audioop`, and the pitch alone, lag by lag with
`audioop.findfactor`, costs more than spectrum and pitch together cost here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

WINDOW = 400
"""Samples looked at, 50 ms: four periods of a low voice."""
SIZE = 512
"""Samples of the transform, so that a bin of the spectrum is 15.6 Hz wide."""
_SHORTEST, _LONGEST = 20, 130
"""Pitch periods in samples: 400 to 61 Hz."""
_MIDDLE = 45
"""The bin of 700 Hz: a closed mouth hums below it, every vowel has a formant above."""
_PEAK = 4
"""A pure tone fills this many bins to either side (Hann window, padded)."""

Spectrum = npt.NDArray[np.float64]
"""Power in each of SIZE / 2 + 1 bins."""
Curve = npt.NDArray[np.float32]
"""How alike something is at each pitch period."""

_HANN = np.hanning(WINDOW)
_VOICE = slice(10, 230)
"""Bins of 160 to 3600 Hz, what a telephone line carries."""


_AT_LAGS = np.cos(
    2 * np.pi / SIZE * np.outer((0, *range(_SHORTEST, _LONGEST + 1)), range(_VOICE.start, _VOICE.stop))
).astype(np.float32)
"""The inverse transform of these bins at lag 0 and the pitch periods only: a quarter of the whole's time."""

_ONES = np.ones(SIZE // 2 + 1)


def _repeats(spectrum: Spectrum) -> Curve:
    """How like itself a window is after each pitch period.

    The root of the power lets every harmonic count, where the power counts little but the loudest: with a
    threshold that 98 of 100 frames of a noise stay below, it finds 76 to 100 % of the voiced frames of speech
    at 12 dB, over six kinds of noise; the power finds 27 to 100 %.
    """
    curve: Curve = _AT_LAGS @ np.sqrt(spectrum[_VOICE]).astype(np.float32)
    repeats: Curve = curve[1:] / (curve[0] or np.float32(1))
    return repeats


def _fading() -> Curve:
    curve = np.fft.irfft(np.abs(np.fft.rfft(_HANN, SIZE)))
    fading = 1 / np.sqrt(np.maximum(curve[_SHORTEST : _LONGEST + 1] / curve[0], 0.15))
    single: Curve = fading.astype(np.float32)
    return single


_FADING = _fading()
"""Makes up, by half, for the window, in which a long period repeats less than a short one."""


class Voicing(NamedTuple):
    """What is known of one window."""

    periodic: float
    """How much of it repeats with the pitch, about 0 to 1."""
    pitch: float
    """Hz."""
    middle: float
    """The share of power above 700 Hz, 0 to 1."""
    tonal: float
    """The share of power in the two strongest peaks, 0 to 1."""


def spectrum_of(samples: npt.NDArray[np.int16]) -> Spectrum:
    """The power spectrum of WINDOW samples, or of each row of them."""
    transform = np.fft.rfft(samples * _HANN, SIZE)
    result: Spectrum = transform.real**2 + transform.imag**2
    return result


def total(spectrum: Spectrum) -> float:
    """The sum of its bins, or of its last ones: a quarter of the time that `sum()` takes."""
    return float(spectrum @ _ONES[: len(spectrum)])


def judge(spectrum: Spectrum) -> Voicing:
    """What a power spectrum tells, after what was expected has been taken out of it."""
    power = total(spectrum)
    if power <= 0:
        return Voicing(0, 0, 0, 0)
    curve = _repeats(spectrum) * _FADING
    lag = int(curve.argmax())
    # What repeats after a period repeats after two: the shortest that is nearly as good is the pitch.
    shortest = int((curve > 0.8 * curve[lag]).argmax())
    if shortest + _SHORTEST < 0.7 * (lag + _SHORTEST):
        lag = shortest + int(curve[shortest : shortest + 8].argmax())
    rest = spectrum.copy()
    for _ in range(2):
        peak = int(rest.argmax())
        rest[max(0, peak - _PEAK) : peak + _PEAK + 1] = 0
    return Voicing(
        periodic=float(curve[lag]),
        pitch=8000 / (lag + _SHORTEST + _offset(curve, lag)),
        middle=total(spectrum[_MIDDLE:]) / power,
        tonal=1 - total(rest) / power,
    )


def _offset(curve: Curve, lag: int) -> float:
    """How far beside the sample the peak lies: the top of the parabola through its neighbours."""
    if not 0 < lag < len(curve) - 1:
        return 0.0
    before, top, after = float(curve[lag - 1]), float(curve[lag]), float(curve[lag + 1])
    bend = before - 2 * top + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0


def likeness(one: Spectrum, other: Spectrum) -> float:
    """How alike two spectra are, 0 to 1. A tone stays like itself; a voice moves."""
    return total(np.sqrt(one * other)) / math.sqrt(total(one) * total(other) + 1e-9)
