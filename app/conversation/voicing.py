"""Does a stretch of sound come from a voice? Pitch, steadiness and colour of 40 ms of telephone audio. No I/O.

numpy, because the pitch of 40 ms takes 20 µs with it; with `audioop.findfactor` lag by lag it takes 60, and the
spectrum, which tells a hum from a vowel, cannot be had from `audioop` at all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

WINDOW = 320
"""Samples looked at, 40 ms: three periods of the lowest voice."""
_SIZE = 512
_SHORTEST, _LONGEST = 20, 128
"""Pitch periods in samples: 400 to 62.5 Hz."""

Power = npt.NDArray[np.float64]

_HANN = np.hanning(WINDOW)


def _lags() -> Power:
    spectrum = np.fft.rfft(_HANN, _SIZE)
    curve: Power = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)
    return curve[: _LONGEST + 1] / curve[0]


_WINDOW_LAGS = _lags()


class Voicing(NamedTuple):
    """What is known of one window."""

    periodic: float
    """How much of it repeats with the pitch, 0 to 1."""
    pitch: float
    """Hz."""
    middle: float
    """The share of power above 700 Hz, 0 to 1."""
    tonal: float
    """The share of power in the two strongest peaks, 0 to 1."""


def power(samples: npt.NDArray[np.int16]) -> Power:
    """The power spectrum of WINDOW samples, in steps of 15.6 Hz."""
    spectrum = np.fft.rfft(samples * _HANN, _SIZE)
    result: Power = spectrum.real**2 + spectrum.imag**2
    return result


def judge(spectrum: Power) -> Voicing:
    """What a power spectrum tells."""
    total = float(spectrum.sum()) or 1.0
    middle = float(spectrum[45:].sum()) / total
    curve = np.fft.irfft(spectrum)[: _LONGEST + 1]
    curve /= (curve[0] or 1.0) * _WINDOW_LAGS
    # A whole multiple of the period repeats as well: the shortest that is nearly as good is the pitch.
    lag = _SHORTEST + int(curve[_SHORTEST:].argmax())
    best = float(curve[lag])
    peak = int(spectrum.argmax())
    rest = spectrum.copy()
    rest[max(0, peak - 3) : peak + 4] = 0
    second = int(rest.argmax())
    rest[max(0, second - 3) : second + 4] = 0
    return Voicing(min(best, 1.0), 8000 / lag, middle, 1 - float(rest.sum()) / total)
