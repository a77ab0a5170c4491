"""Who has the floor when both speak: does the caller's voice ask for it, or only say that it listens? No I/O.

A voice over the assistant's is judged as soon as it is noticed, and again until it is certain or old enough.
Where it is not known better, it asks.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.conversation.decisions import Decision
from app.conversation.turns import TurnTaking
from app.conversation.voice_detector import VoiceEnded, VoiceStarted
from app.services.listening import HEARD_BYTES, Listening


@dataclass(frozen=True, slots=True)
class Certainty:
    """The numbers; benchmarks/floor.py says what they do."""

    needed: tuple[tuple[float, float], ...] = ((0.24, 0.05), (0.32, 0.3), (0.6, 0.8), (0.85, 0.85))
    """Seconds, and the probability of listening only that it takes to keep a younger voice waiting: the
    longer it waits, the surer that must be. A judge has heard all that it can use at the last of them."""
    again: float = 0.06
    """Seconds until it is judged again."""


class Floor:
    """One call's. Without a judge every voice asks."""

    def __init__(
        self, judge: Listening | None, turns: TurnTaking, certainty: Certainty = Certainty()
    ) -> None:
        self._judge = judge
        self._turns = turns
        self._needed = certainty.needed
        self._again = certainty.again
        self._heard = bytearray()
        self._began_at = 0.0
        self._judge_at = 0.0

    def hear(self, audio: bytes) -> None:
        """What the line carries: 8 kHz μ-law."""
        if self._judge:
            self._heard += audio
            del self._heard[:-HEARD_BYTES]

    def noticed(self, event: VoiceStarted | VoiceEnded, now: float) -> list[Decision]:
        """A voice, or its end. Returns what the turns decide."""
        match event:
            case VoiceStarted(at):
                self._began_at, self._judge_at = at, 0.0
                asks = not self._turns.is_audible or self._asks(now)
                return self._turns.voice_started(now, at, certain=True, asks=asks)
            case VoiceEnded(at):
                return self._turns.voice_ended(now, at)

    def tick(self, now: float) -> list[Decision]:
        """A voice that is kept waiting may ask after all."""
        if self._turns.overhears and self._asks(now):
            return self._turns.voice_asks(now)
        return []

    def _asks(self, now: float) -> bool:
        """Whether the voice asks for the floor, as far as it is known `now`."""
        if not self._judge:
            return True
        seconds = now - self._began_at
        useful, surest = self._needed[-1]
        if now < self._judge_at or (self._judge_at and seconds > useful):
            return False
        self._judge_at = now + self._again
        needed = next((share for younger, share in self._needed if seconds < younger), surest)
        return self._judge.only_listens(bytes(self._heard), seconds) < needed
