"""Two streams heard the same audio: which words are new. No I/O; times are milliseconds of the call."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from app.services.speech_to_text.google.requests import Result

REMEMBERED = 16
"""Finals that a result may overlap with; two streams share some seconds."""


class Ledger:
    """What has been said on a call, up to when. A stream hears without a gap from a moment that was final
    when it began, so each of its results is new, known, or known at its beginning."""

    def __init__(self) -> None:
        self.heard_ms = 0.0
        """Every word before this is final."""
        self._said: deque[Result] = deque(maxlen=REMEMBERED)

    def admit(self, result: Result, since_ms: float) -> Result | None:
        """Take a final that covers the time from `since_ms`; return what of it is new."""
        new = self.new(result, since_ms)
        self.heard_ms = max(self.heard_ms, result.end_ms, *(word.end_ms for word in result.words[-1:]))
        if new is not None:
            self._said.append(new)
        return new

    def new(self, result: Result, since_ms: float) -> Result | None:
        """What of a result is not final yet."""
        if not result.text or result.end_ms <= self.heard_ms:
            return None
        if since_ms >= self.heard_ms:
            return result
        if result.words:
            words = tuple(w for w in result.words if (w.start_ms + w.end_ms) / 2 > self.heard_ms)
            if len(words) == len(result.words):
                return result
            return replace(result, text=" ".join(w.text for w in words), words=words) if words else None
        said = " ".join(earlier.text for earlier in self._said if earlier.end_ms > since_ms)
        text = text_after(said, result.text)
        return replace(result, text=text) if text else None


def text_after(said: str, text: str) -> str:
    """What of `text` follows `said`, with which it begins: the cut is where the words fit best."""
    known, words = _plain(said.split()), text.split()
    fresh = _plain(words)
    # Distances (Levenshtein, in words) of `known` from each beginning of `fresh`.
    row = list(range(len(fresh) + 1))
    for i, word in enumerate(known, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(fresh, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    cut = min(range(len(row)), key=lambda size: (row[size], abs(size - len(known))))
    return " ".join(words[cut:])


def _plain(words: Sequence[str]) -> list[str]:
    return [re.sub(r"\W", "", word).lower() for word in words]
