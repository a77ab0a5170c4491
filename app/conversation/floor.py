"""Who has the floor when both speak: does the caller's voice ask for it, or only say that it listens? No I/O.

A voice over the assistant's is judged as soon as it is noticed, and again and again until it asks, has ended,
or has insisted for so long that it must be heard (`Timing.insists`).
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

    young: tuple[tuple[float, float], ...] = ((0.2, 0.05), (0.26, 0.2))
    """Seconds, and the probability of listening only that is enough to keep a younger voice waiting: there is
    time to ask again."""
    old: float = 0.5
    """What keeps an older one waiting, as the mean of the last two answers: a laugh, or a throat that is
    cleared, sounds like a word for a moment."""
    again: float = 0.06
    """Seconds until it is judged again."""


class Floor:
    """One call's. Without a judge every voice asks."""

    def __init__(
        self, judge: Listening | None, turns: TurnTaking, certainty: Certainty = Certainty()
    ) -> None:
        self._judge = judge
        self._turns = turns
        self._certainty = certainty
        self._heard = bytearray()
        self._began_at = 0.0
        self._judge_at = 0.0
        self._listened: float | None = None
        """The judge's last answer on this voice."""

    def hear(self, audio: bytes) -> None:
        """What the line carries: 8 kHz μ-law."""
        if self._judge:
            self._heard += audio
            del self._heard[:-HEARD_BYTES]

    def noticed(self, event: VoiceStarted | VoiceEnded, now: float) -> list[Decision]:
        """A voice, or its end. Returns what the turns decide."""
        match event:
            case VoiceStarted(at):
                self._began_at, self._judge_at, self._listened = at, 0.0, None
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
        if now < self._judge_at:
            return False
        seconds, certainty = now - self._began_at, self._certainty
        self._judge_at = now + certainty.again
        last, self._listened = self._listened, self._judge.only_listens(bytes(self._heard), seconds)
        for younger, enough in certainty.young:
            if seconds < younger:
                return self._listened < enough
        return (self._listened + (self._listened if last is None else last)) / 2 < certainty.old
