"""The playback ledger: what was sent, what the caller has heard of it, what was flushed. No I/O.

Twilio plays what it is sent at real time and returns a mark when the audio before it has been played.
Between marks, and where marks are lost, the clock tells: what was sent is played at one second a second.
After a clear all pending marks come back although their audio was never heard; their epoch gives them
away.
"""

from __future__ import annotations

from dataclasses import dataclass

CHARACTERS_PER_SECOND = 15.0
"""How fast a voice speaks, for a clause whose audio is still being made. (Piper's joe: 14–16.)"""


@dataclass(slots=True)
class _Clause:
    text: str
    starts_ms: float
    sent_ms: float = 0.0
    complete: bool = False

    def heard(self, position_ms: float) -> str:
        """The words played once `position_ms` of all audio has been; a word counts from its middle."""
        played = position_ms - self.starts_ms
        if played <= 0 or not self.sent_ms:
            return ""
        if self.complete and played >= self.sent_ms:
            return self.text
        length = self.sent_ms
        if not self.complete:
            length = max(length, len(self.text) / CHARACTERS_PER_SECOND * 1000)
        reached = played / length * len(self.text)
        end = 0
        for word in self.text.split():
            start = self.text.index(word, end)
            if start + len(word) / 2 > reached:
                break
            end = start + len(word)
        return self.text[:end]


class Playback:
    """The ledger of one call. Times are seconds of any steady clock, positions are milliseconds of audio."""

    def __init__(self) -> None:
        self.epoch = 0
        """Raised by every clear. Audio and marks of an older epoch are void."""
        self._clauses: list[_Clause] = []
        self._marks: dict[str, float] = {}
        self._sent_ms = 0.0
        self._anchor_ms = 0.0
        self._anchor_at = 0.0
        self._count = 0

    def begin_clause(self, text: str) -> None:
        """What is sent from now on speaks this text."""
        self._clauses.append(_Clause(text, self._sent_ms))

    def sent(self, audio_ms: float, now: float) -> str:
        """A piece went out. Returns the name of the mark to send after it."""
        if self.position(now) >= self._sent_ms:
            self._anchor_ms, self._anchor_at = self._sent_ms, now
        self._sent_ms += audio_ms
        if self._clauses:
            self._clauses[-1].sent_ms += audio_ms
        self._count += 1
        name = f"{self.epoch}.{self._count}"
        self._marks[name] = self._sent_ms
        return name

    def end_clause(self) -> None:
        """The clause has been sent whole: its length is known now."""
        if self._clauses:
            self._clauses[-1].complete = True

    def mark(self, name: str, now: float) -> bool:
        """A mark came back. False if it is unknown, flushed, or came before."""
        position = self._marks.get(name)
        if position is None:
            return False
        # A mark vouches for all that came before it, so lost ones leave with it.
        self._marks = {other: at for other, at in self._marks.items() if at > position}
        self._anchor_ms, self._anchor_at = position, now
        return True

    def position(self, now: float) -> float:
        """How much of the audio sent has been heard."""
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
