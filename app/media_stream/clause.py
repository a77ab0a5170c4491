"""A clause on its way to the caller: which of its words have been played at a moment of its audio. No I/O."""

from __future__ import annotations

import re
from bisect import bisect_right
from math import inf

from app.media_stream.audio import duration_ms
from app.media_stream.spoken_length import spoken_ms
from app.media_stream.word_timing import Loudness, Span, word_times

_WORD = re.compile(r"\S+")

PACE_TRUST_MS = 3000.0
"""After this much speech a voice's own pace counts as much as the ordinary one."""


class Pace:
    """How fast the voice of a call speaks, from the clauses it has spoken whole."""

    def __init__(self) -> None:
        self._spoken = self._expected = PACE_TRUST_MS

    def learn(self, spoken_ms: float, expected_ms: float) -> None:
        self._spoken += spoken_ms
        self._expected += expected_ms

    def __float__(self) -> float:
        return self._spoken / self._expected


class Clause:
    """A text, and the audio that speaks it as far as it has been sent."""

    def __init__(self, text: str, starts_ms: float, pace: Pace) -> None:
        self.text = text
        self._starts_ms = starts_ms
        self._pace = pace
        self._words = [(match.group(), match.end()) for match in _WORD.finditer(text)]
        self._loudness = Loudness()
        self._sent_ms = 0.0
        self._complete = False
        self._middles: list[float] | None = None
        """When each word is half spoken; None if that must be found anew."""

    def sent(self, audio: bytes) -> None:
        self._loudness.feed(audio)
        self._sent_ms += duration_ms(audio)
        self._middles = None

    def end(self) -> None:
        if (voice := self._loudness.stretches()) and not self._complete:
            expected = sum(spoken_ms(word) for word, _ in self._words)
            self._pace.learn(sum(span.length for span in voice), expected)
        self._complete = True
        self._middles = None

    def heard(self, position_ms: float) -> str:
        """The words played once `position_ms` of all audio has been; a word counts from its middle."""
        if not self._sent_ms or not self._words:
            return ""
        if self._middles is None:
            self._middles = self._find()
        count = bisect_right(self._middles, position_ms - self._starts_ms)
        return self.text[: self._words[count - 1][1]] if count else ""

    def _find(self) -> list[float]:
        voice = self._loudness.stretches()
        if not voice:
            if not self._complete:
                # Silence so far: the voice will begin where it ends.
                return [inf]
            voice = [Span(0.0, self._sent_ms)]
        words = [word for word, _ in self._words]
        times = word_times(words, voice, float(self._pace), whole=self._complete)
        return [(span.start + span.end) / 2 for span in times]
