"""Who has the floor when both speak: does the caller's voice ask for it, or only say that it listens? No I/O.

A voice over the assistant's is judged as soon as it is noticed, and again and again until it surely asks, has
ended, or has insisted with words until it must be heard (`Timing.insists`). So one that has stopped the
assistant too soon may still turn out to have been a laugh.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.conversation.decisions import Bid, Decision
from app.conversation.turns import TurnTaking
from app.conversation.voice_detector import VoiceEnded, VoiceStarted
from app.services.listening import HEARD_BYTES


@dataclass(frozen=True, slots=True)
class Certainty:
    """The numbers; docs/evaluation.md says what they do."""

    asks: float = 0.075
    """A probability of listening only below which a voice asks, however old it is."""
    settled: float = 0.35
    """Seconds from which a voice that asks need not be judged again, and one may surely listen."""
    sure: float = 0.9
    """So sure of such a one, as the mean of the last two answers, its words are no matter: so it is of 1 in
    100 of those who ask."""
    again: float = 0.06
    """Seconds until it is judged again."""


@dataclass(frozen=True, slots=True)
class Look:
    """A question to the judge: does this voice only listen?"""

    audio: bytes
    """What the line carried up to now, see `Listening.only_listens`."""
    voice_seconds: float


class Floor:
    """One call's. Whoever drives it asks the judge what `look` wants to know, and tells `answered`."""

    def __init__(self, turns: TurnTaking, *, judged: bool, certainty: Certainty = Certainty()) -> None:
        """Where there is no judge, not `judged`, every voice asks."""
        self._turns = turns
        self._judged = judged
        self._certainty = certainty
        self._heard = bytearray()
        self._began_at = 0.0
        self._look_at = 0.0
        self._open = False
        """Whether the voice may still turn out to be something else."""
        self._asked: Look | None = None
        """What is not answered yet."""
        self._listened: float | None = None
        """The judge's last answer on this voice."""

    def hear(self, audio: bytes) -> None:
        """What the line carries: 8 kHz μ-law."""
        if self._judged:
            self._heard += audio
            del self._heard[:-HEARD_BYTES]

    def noticed(self, event: VoiceStarted | VoiceEnded, now: float) -> list[Decision]:
        """A voice, or its end. Returns what the turns decide."""
        match event:
            case VoiceStarted(at):
                self._began_at, self._look_at, self._listened, self._asked = at, now, None, None
                self._open = self._judged and self._turns.is_audible
                bid = Bid.WAITS if self._open else Bid.ASKS
                return self._turns.voice_started(now, at, certain=True, bid=bid)
            case VoiceEnded(at):
                self._open = False
                return self._turns.voice_ended(now, at, certain=True)

    def look(self, now: float) -> Look | None:
        """What is to be asked now. Nothing more is until it is answered."""
        if not self._open or self._asked or now < self._look_at or not self._turns.overhears:
            return None
        self._asked, self._look_at = (
            Look(bytes(self._heard), now - self._began_at),
            now + self._certainty.again,
        )
        return self._asked

    def answered(self, look: Look, listens: float, now: float) -> list[Decision]:
        """The judge's answer. Of a voice that has ended meanwhile it only tells what its words are; it is no
        matter if another one has begun."""
        if look is not self._asked:
            return []
        self._asked = None
        return self._turns.voice_sounds(now, self._bid(look.voice_seconds, listens))

    def _bid(self, seconds: float, listens: float) -> Bid:
        """What a voice of so many seconds sounds like, by the judge's last answers."""
        certainty, is_settled = self._certainty, seconds >= self._certainty.settled
        last, self._listened = self._listened, listens
        if listens < certainty.asks:
            self._open = self._open and not is_settled
            return Bid.ASKS
        mean = (listens + (listens if last is None else last)) / 2
        return Bid.LISTENS if is_settled and mean >= certainty.sure else Bid.WAITS
