"""Who has the floor when both speak: does the caller's voice ask for it, or only say that it listens? No I/O.

A voice over the assistant's is judged as soon as it is noticed, and again until it is certain or old enough.
Where it is not known better, it asks.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.services.listening import HEARD_BYTES, Listening


@dataclass(frozen=True, slots=True)
class Certainty:
    """The numbers; benchmarks/floor.py says what they do."""

    soon: float = 0.4
    """A voice that is no likelier than this to listen only asks, however short it has been."""
    late: float = 0.8
    """And than this, when it has been heard long enough."""
    enough: float = 0.34
    """Seconds of it after which no more certainty is worth waiting for."""
    again: float = 0.06
    """Seconds until it is judged again."""
    until: float = 0.6
    """A judge has heard all that it can use by then."""


class Floor:
    """One call's. Without a judge every voice asks."""

    def __init__(self, judge: Listening | None, certainty: Certainty = Certainty()) -> None:
        self._judge = judge
        self._certainty = certainty
        self._heard = bytearray()
        self._began_at = 0.0
        self._judge_at = 0.0

    def hear(self, audio: bytes) -> None:
        """What the line carries: 8 kHz μ-law."""
        if self._judge:
            self._heard += audio
            del self._heard[:-HEARD_BYTES]

    def began(self, at: float) -> None:
        """A voice has begun."""
        self._began_at, self._judge_at = at, 0.0

    def asked_for(self, now: float) -> bool:
        """Whether the voice that has begun asks for the floor, as far as it is known `now`."""
        if not self._judge:
            return True
        certainty = self._certainty
        seconds = now - self._began_at
        if now < self._judge_at or (self._judge_at and seconds > certainty.until):
            return False
        self._judge_at = now + certainty.again
        listens = self._judge.only_listens(bytes(self._heard), seconds)
        return listens < (certainty.late if seconds >= certainty.enough else certainty.soon)
