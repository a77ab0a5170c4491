"""What a line sounds like when nobody speaks: its level and its spectrum, followed as they change. No I/O."""

from __future__ import annotations

from collections import deque

import numpy as np

from app.conversation.voicing import SIZE, WINDOW, Spectrum, spectrum_of

_QUIETEST = 16.0**2
"""The power (of 16-bit samples) of a digital line at rest; it is never expected quieter than this: -66 dB."""
_SMOOTH = 0.2
"""Weight of a frame in the mean whose minima are kept: about 100 ms."""
_BLOCK = 15
_BLOCKS = 6
"""Minima of 300 ms, of the last 1.8 s: between the words of any speaker there is a gap in that time."""
_BIAS = 1.5
"""How far the mean of a noise lies above its minima."""
_LIKE_NOISE = 2.0
"""A frame below this many times the floor is noise, and its spectrum is learned."""
_LEARN = 0.15
_REMEMBERED = 32
"""Windows of noise that wait to be learned; one before them would have a weight of 1 %."""


class NoiseFloor:
    """Minimum statistics (Martin 2001), which need no judgement of what is a voice."""

    def __init__(self) -> None:
        self._spectrum: Spectrum = np.full(SIZE // 2 + 1, 0.0)
        self._unlearned: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._mean: float | None = None
        self._minima: deque[float] = deque(maxlen=_BLOCKS)
        self._lowest = float("inf")
        """Of the minima."""
        self._minimum = float("inf")
        """Of the block that has begun."""
        self._count = 0
        self.power = _QUIETEST
        """The mean power of the noise."""

    def hear(self, power: float) -> bool:
        """Take the power of a frame. Says whether its spectrum should be learned: it is noise."""
        self._mean = power if self._mean is None else self._mean + _SMOOTH * (power - self._mean)
        self._minimum = min(self._minimum, self._mean)
        self._count += 1
        if self._count % _BLOCK == 0:
            self._minima.append(self._minimum)
            self._lowest, self._minimum = min(self._minima), self._mean
        self.power = max(_QUIETEST, _BIAS * min(self._minimum, self._lowest))
        return power < _LIKE_NOISE * self.power

    def learn(self, window: bytes) -> None:
        """WINDOW samples of noise, 16 bits each."""
        self._unlearned.append(window)

    @property
    def spectrum(self) -> Spectrum:
        """The mean power spectrum of the noise. It is computed when something is heard that may be a voice:
        most of a call is noise that nothing has to be told from."""
        if self._unlearned:
            windows = np.frombuffer(b"".join(self._unlearned), np.int16).reshape(-1, WINDOW)
            self._unlearned.clear()
            for spectrum in spectrum_of(windows):
                self._spectrum += _LEARN * (spectrum - self._spectrum)
        return self._spectrum
