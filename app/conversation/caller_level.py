"""How loud this caller is: a voice much softer than that is somebody else's, beside the telephone. No I/O."""

from __future__ import annotations

_OTHERS = 10 ** (-14 / 10)
"""Somebody a few steps away is 20 dB softer than a mouth at the telephone, and more; who interrupts politely
is about 10 dB softer than the same person before."""
_BEGINS = 10 ** (6 / 10)
"""But somebody begins up to 6 dB louder than they go on."""
_NOMINAL = (32768 * 10 ** (-26 / 20)) ** 2
"""Active speech on a telephone (ITU-T P.56, G.115). Until the caller has been heard, it is taken for it: a
voice below -40 dB is somebody else's."""
_SHORTEST = 10
"""Frames of voice that tell how loud somebody is, 200 ms."""
_FALL, _RISE = 0.8, 3.0
"""By how much a single voice may change what is known: -1 and +5 dB. Words are louder and softer."""


class CallerLevel:
    """Learned from what is said while the agent is silent. Powers are those of 16-bit samples."""

    def __init__(self) -> None:
        self._power: float | None = None
        self._sum = 0.0
        self._frames = 0

    def hear(self, power: float) -> None:
        """A frame of a voice."""
        self._sum += power
        self._frames += 1

    def ended(self, *, over_the_agent: bool) -> None:
        """The voice has stopped. One that spoke over the agent teaches nothing: it may be anybody's."""
        if self._frames >= _SHORTEST and not over_the_agent:
            power = self._sum / self._frames
            known = self._power or power
            self._power = min(max(power, _FALL * known), _RISE * known)
        self._sum, self._frames = 0.0, 0

    @property
    def is_known(self) -> bool:
        """Whether the caller has been heard."""
        return self._power is not None

    def forget(self) -> None:
        """The next voice tells it anew."""
        self._power = None

    def is_anothers(self, power: float, frames: int = _SHORTEST) -> bool:
        """Whether a voice of this power is too soft to be the caller's, as far as so many frames of it tell.
        They only tell the less if the caller has been heard: else nothing is known to compare them with."""
        if self._power is None:
            return power < _OTHERS * _NOMINAL
        begins = max(0.0, 1 - frames / _SHORTEST)
        least: float = _OTHERS * _BEGINS**begins * self._power
        return power < least
