"""The playback ledger: what was sent, what the caller has heard of it, what was flushed. No I/O.

Twilio plays what it is sent at real time and returns a mark when the audio before it has been played.
Between marks, and where marks are lost, the clock tells: what was sent is played at one second a second.

The player is a network away. What is sent at t is played from t + d, and a `clear` sent at t stops it at
t + d: so a clock started when audio is sent shows what will have been played when a `clear` sent now has
arrived, which is the question. A mark comes back 2d late on that clock. The least lateness seen is taken for
the round trip, and only what exceeds it for a player that is behind.

After a clear all pending marks come back although their audio was never heard; their epoch gives them
away.
"""

from __future__ import annotations

from app.media_stream.audio import duration_ms
from app.media_stream.clause import Clause, Pace

MOST_TRIP = 0.1
"""Seconds. A round trip that is longer is taken for a player that is behind. Which of the two it is no mark
tells; this lies between what networks take (10 to 150 ms) and nothing, so that neither guess is far off."""


class Playback:
    """The ledger of one call. Times are seconds of any steady clock, positions are milliseconds of audio."""

    def __init__(self) -> None:
        self.epoch = 0
        """Raised by every clear. Audio and marks of an older epoch are void."""
        self._clauses: list[Clause] = []
        self._pace = Pace()
        self._marks: dict[str, float] = {}
        self._sent_ms = 0.0
        self._anchor_ms = 0.0
        self._anchor_at = 0.0
        self._trip = MOST_TRIP
        self._count = 0

    def begin_clause(self, text: str) -> None:
        """What is sent from now on speaks this text."""
        self._clauses.append(Clause(text, self._sent_ms, self._pace))

    def sent(self, audio: bytes, now: float) -> str:
        """A piece of μ-law went out. Returns the name of the mark to send after it."""
        if self.position(now) >= self._sent_ms:
            self._anchor_ms, self._anchor_at = self._sent_ms, now
        self._sent_ms += duration_ms(audio)
        if self._clauses:
            self._clauses[-1].sent(audio)
        self._count += 1
        name = f"{self.epoch}.{self._count}"
        self._marks[name] = self._sent_ms
        return name

    def end_clause(self) -> None:
        """The clause has been sent whole: its length is known now."""
        if self._clauses:
            self._clauses[-1].end()

    def mark(self, name: str, now: float) -> bool:
        """A mark came back. False if it is unknown, flushed, or came before."""
        position = self._marks.get(name)
        if position is None:
            return False
        # A mark vouches for all that came before it, so lost ones leave with it.
        self._marks = {other: at for other, at in self._marks.items() if at > position}
        lateness = now - self._anchor_at - (position - self._anchor_ms) / 1000
        self._trip = max(0.0, min(self._trip, lateness))
        self._anchor_ms, self._anchor_at = position, now - self._trip
        return True

    def position(self, now: float) -> float:
        """How much of the audio sent has been heard when a `clear` sent now arrives."""
        return min(self._sent_ms, self._anchor_ms + max(0.0, now - self._anchor_at) * 1000)

    def remaining_ms(self, now: float) -> float:
        """How much of the audio sent is still to be heard."""
        return self._sent_ms - self.position(now)

    @property
    def marks_pending(self) -> bool:
        """Whether something sent has not been confirmed by a mark."""
        return bool(self._marks)

    def heard(self, now: float) -> str:
        """The text heard since the last `settle` or `clear`, cut at a word."""
        position = self.position(now)
        return " ".join(text for clause in self._clauses if (text := clause.heard(position)))

    def unheard(self, now: float) -> str:
        """The rest of the text begun since the last `settle` or `clear`."""
        position = self.position(now)
        rest = (clause.text[len(clause.heard(position)) :].strip() for clause in self._clauses)
        return " ".join(text for text in rest if text)

    def settle(self) -> None:
        """Forget the clauses: what was said so far has been written down."""
        self._clauses.clear()

    def clear(self) -> None:
        """All audio that has not been heard is gone, and so are its clauses; a new epoch begins."""
        self.epoch += 1
        self._clauses.clear()
        self._marks.clear()
        self._sent_ms = self._anchor_ms = 0.0
