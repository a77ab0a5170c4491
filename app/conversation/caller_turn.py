"""What the caller has said and nobody has answered, from results that grow, change and end late. No I/O.

A recogniser ends its results where it likes, an answer begins where the turn was over: perhaps in the
middle of a result. If the caller goes on then, the same result grows beyond what was answered, and what is
new belongs to a new line.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

NUMBER_WORDS = 3
"""A number in digits may be so many words in another version of a result: "3:00", "three o clock"."""
ALIKE = 0.75
"""Of their letters, so much is the same in two spellings of a word: "Hannah" and "Anna"."""
LONG = 4
"""Letters of a word that makes a difference by being there."""
NEGATIONS = ("no", "not")


class Lines(NamedTuple):
    """A result as lines of the transcript."""

    closed: str
    """The words that were answered, to be final now, if the caller has gone on after them; else empty."""
    text: str
    """What the open line says."""


class CallerTurn:
    """Give it each result's versions; `words` is what waits for an answer."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        """Results that are final and not answered."""
        self._answered: list[str] = []
        """Those that the last answer is to, which may be taken back."""
        self._open: list[str] = []
        """The words of the result that is not final."""
        self._answered_to: list[str] = []
        """Its first words, as far as they have been answered, or wait above."""
        self._closed_to: list[str] = []
        """Its first words, as far as they stand in lines that are closed."""
        self._answered_as: list[str] = []
        """Its words when they were answered."""
        self.misread = False
        """Whether the last result that ended had been answered in words of another meaning."""

    @property
    def words(self) -> str:
        """All that waits for an answer."""
        return " ".join((*self._waiting, *self._open[len(self._answered_to) :]))

    def goes_on(self, text: str) -> bool:
        """Whether this version of the open result says more than what has been answered."""
        words = text.split()
        return bool(self._answered_to) and _reach(self._answered_to, words) < len(words)

    def interim(self, text: str) -> Lines:
        """The newest version of the open result."""
        self._open = text.split()
        # What was answered may read differently now.
        self._closed_to = self._open[: _reach(self._closed_to, self._open)]
        self._answered_to = self._open[: _reach(self._answered_to, self._open)]
        closed = ""
        if len(self._closed_to) < len(self._answered_to) < len(self._open):
            closed = " ".join(self._answered_to[len(self._closed_to) :])
            self._closed_to = self._answered_to
        return Lines(closed, " ".join(self._open[len(self._closed_to) :]))

    def final(self, text: str) -> Lines:
        """The open result ends with this; empty: it was no words after all."""
        lines = self.interim(text)
        split = len(self._answered_to)
        self.misread = bool(text and self._answered_as) and differ(self._answered_as, self._open)
        self._answered_as = []
        closed = len(self._closed_to)
        self._answered += [" ".join(self._open[closed:split])] if closed < split else []
        self._waiting += [" ".join(self._open[split:])] if split < len(self._open) else []
        self._open, self._answered_to, self._closed_to = [], [], []
        return lines

    def entered(self, text: str) -> None:
        """Something that was not spoken. The words of the open result so far come before it, in a closed
        line; what the result will say beyond them comes after it."""
        spoken = self._open[len(self._answered_to) :]
        self._waiting += [" ".join(spoken), text] if spoken else [text]
        self._answered_to = self._closed_to = list(self._open)

    def answer(self) -> None:
        """All words so far are being answered."""
        self._answered, self._waiting = self._waiting, []
        self._answered_to = list(self._open)
        self._answered_as = list(self._open)

    def take_back(self) -> None:
        """Nothing of the answer was heard: its words wait again."""
        self._waiting = self._answered + self._waiting
        self._answered, self._answered_to, self._answered_as = [], list(self._closed_to), []


def differ(words: Sequence[str], version: Sequence[str]) -> bool:
    """Whether another version of `words` says something else, as far as both go: "that's all the" and "that's
    all, goodbye" do. Numbers, spellings and little words are told in many ways."""
    old, new = _keys(words), _keys(version)
    edits = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    if edits and edits[-1][0] == "insert":
        edits = edits[:-1]  # what was said after them
    return any(
        _is_other(" ".join(old[a:b]), " ".join(new[c:d])) for tag, a, b, c, d in edits if tag != "equal"
    )


def _is_other(one: str, other: str) -> bool:
    if any(character.isdigit() for character in one + other):
        return False
    if not (one and other):
        return one + other in NEGATIONS or len(one + other) >= LONG
    return SequenceMatcher(None, one, other, autojunk=False).ratio() < ALIKE


def _reach(words: Sequence[str], version: Sequence[str]) -> int:
    """How far the first `words` of a result reach in another version of it."""
    old, new = _keys(words), _keys(version)
    if old == new[: len(old)]:
        return len(old)
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    last = blocks[-2] if len(blocks) > 1 else blocks[-1]
    kept, same = (last.a + last.size, last.b + last.size) if len(blocks) > 1 else (0, 0)
    # Words after the last that both have were misheard: as many, by other names, but for numbers.
    missing = len(old) - kept
    if any(character.isdigit() for word in (*old[kept:], *new[same:]) for character in word):
        missing *= NUMBER_WORDS
    return min(len(new), same + missing)


def _keys(words: Sequence[str]) -> list[str]:
    return ["".join(c for c in word.casefold() if c.isalnum()) for word in words]
