"""Google ends a stream after five minutes; a call goes on. When to change to a fresh one. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

UNTRUSTED_MS = 500
"""A final that ends this close to where its stream was cut off may end in half a word, or in half a sentence
that would be answered too early. The next stream has heard it whole."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a stream may last, in seconds, and be without audio. Google ends it after 5 minutes (v2) or
    305 seconds (v1), by the clock or by the audio, and after 10 seconds without any."""

    in_a_pause: float = 240.0
    """The age from which a pause is used to replace it."""
    at_last: float = 290.0
    """The age at which it is replaced in the middle of a word."""
    idle: float = 5.0
    """After so long without audio it is sent silence."""

    def too_old(self, age: float, *, pause: bool) -> bool:
        """Whether a stream of this age is to be replaced now."""
        return age >= self.at_last or (pause and age >= self.in_a_pause)


def trusted(end_ms: float, cut_ms: float | None) -> bool:
    """Whether a final that ends at `end_ms` counts, of a stream whose audio was cut off at `cut_ms`."""
    return cut_ms is None or end_ms <= cut_ms - UNTRUSTED_MS


class Timeline:
    """Where in the call a stream's audio was: silence is put in, and quiet passages are left out.

    Positions are bytes of 8 kHz μ-law, offsets milliseconds since the stream's first byte.
    """

    def __init__(self, position: int) -> None:
        self.size = 0
        """Bytes sent so far."""
        self.position = position
        """Where in the call the next byte belongs."""
        self._anchors = [(0, position)]

    def sent(self, size: int) -> None:
        """The call's next bytes were sent."""
        self.size += size
        self.position += size

    def inserted(self, size: int) -> None:
        """Silence was sent that is not in the call."""
        self._anchors.append((self.size, self.position))
        self.size += size
        self._anchors.append((self.size, self.position))

    def skip_to(self, position: int) -> None:
        """What the call has up to here will not be sent."""
        self.position = position
        self._anchors.append((self.size, position))

    def call_ms(self, offset_ms: float) -> float:
        """The moment of the call that the stream calls `offset_ms`."""
        limit = self.position
        for size, position in reversed(self._anchors):
            if size <= offset_ms * 8:
                return min(position / 8 + offset_ms - size / 8, limit / 8)
            limit = position
        return self._anchors[0][1] / 8
