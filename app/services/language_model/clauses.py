"""Cuts a reply that streams in into clauses to speak, the first one early. No I/O."""

from __future__ import annotations

import re

FIRST_CLAUSE = 24
"""Characters after which the first clause may end at a comma: about 1.5 s of speech to make the rest in."""
LONG_CLAUSE = 160
"""Characters after which any clause may end at a comma: voices take a sentence at a time."""

# A stop counts only with white space after it, so "3.5" and "12:30" hold together, and not after an
# abbreviation or an initial ("p.m. today", "Mr. Smith").
_SENTENCE = re.compile(r"(?<!\b[A-Za-z])(?<!\b(?:Mr|Ms|Dr|St|vs|No))(?<!\bMrs)[.!?…]+[\"')\]]*(?=\s)|\n")
_PAUSE = re.compile(r"[,;:—–](?=\s)")


class Clauses:
    """Feed it text as it comes; it returns the clauses that are complete."""

    def __init__(self) -> None:
        self._text = ""
        self._first = True

    def feed(self, text: str) -> list[str]:
        self._text += text
        clauses = []
        while (end := self._end()) is not None:
            clauses += self._take(end)
        return clauses

    def flush(self) -> list[str]:
        """The rest, when no more text will come."""
        return self._take(len(self._text))

    def _end(self) -> int | None:
        sentence = _SENTENCE.search(self._text)
        end = sentence.end() if sentence else None
        least = FIRST_CLAUSE if self._first else LONG_CLAUSE
        if pause := _PAUSE.search(self._text, least):
            return min(pause.end(), end) if end is not None else pause.end()
        return end

    def _take(self, end: int) -> list[str]:
        clause, self._text = " ".join(self._text[:end].split()), self._text[end:]
        # Punctuation alone cannot be spoken.
        if not any(character.isalnum() for character in clause):
            return []
        self._first = False
        return [clause]


def split(text: str) -> list[str]:
    """The clauses of a whole text, as a reply that says it would be cut."""
    clauses = Clauses()
    return clauses.feed(text) + clauses.flush()
