"""Who has the floor when both speak: does the caller's voice ask for it, or only say that it listens? No I/O.

A voice over the assistant's is judged as soon as it is noticed, and again and again until it surely asks, has
ended, or has insisted for so long that it must be heard (`Timing.insists`). So one that has stopped the
assistant too soon may still turn out to have been a laugh.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.conversation.decisions import Bid, Decision
from app.conversation.turns import TurnTaking
from app.conversation.voice_detector import VoiceEnded, VoiceStarted
from app.services.listening import HEARD_BYTES, Listening


@dataclass(frozen=True, slots=True)
class Certainty:
    """The numbers; benchmarks/floor.py says what they do."""

    young: tuple[tuple[float, float], ...] = ((0.2, 0.1), (0.3, 0.25))
    """Seconds, and the probability of listening only that is enough to keep a younger voice waiting: there is
    time to ask again."""
    old: float = 0.5
    """What keeps an older one waiting, as the mean of the last two answers: a laugh, or a throat that is
    cleared, sounds like a word for a moment."""
    sure: float = 0.93
    """So sure of an older one, its words are no matter: so it is of 1 in 100 of those who ask."""
    settled: float = 0.34
    """Seconds from which one that asks need not be judged again."""
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
        self._open = False
        """Whether it may still turn out to be something else."""
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
                self._began_at, self._listened = at, None
                self._open = self._judge is not None and self._turns.is_audible
                bid = self._bid(now) if self._open else Bid.ASKS
                return self._turns.voice_started(now, at, certain=True, bid=bid)
            case VoiceEnded(at):
                self._open = False
                return self._turns.voice_ended(now, at)

    def tick(self, now: float) -> list[Decision]:
        """A voice may turn out to ask, or not to."""
        if self._open and self._turns.overhears and now >= self._judge_at:
            return self._turns.voice_sounds(now, self._bid(now))
        return []

    def _bid(self, now: float) -> Bid:
        """What the voice sounds like `now`."""
        assert self._judge
        seconds, certainty = now - self._began_at, self._certainty
        self._judge_at = now + certainty.again
        last, self._listened = self._listened, self._judge.only_listens(bytes(self._heard), seconds)
        for younger, enough in certainty.young:
            if seconds < younger:
                return Bid.ASKS if self._listened < enough else Bid.WAITS
        listens = (self._listened + (self._listened if last is None else last)) / 2
        if listens < certainty.old:
            self._open = seconds < certainty.settled
            return Bid.ASKS
        return Bid.LISTENS if listens >= certainty.sure else Bid.WAITS
