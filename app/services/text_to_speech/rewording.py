"""Whether a voice that is a language model says what it was given, told from its transcript. No I/O.

Such a voice may leave words out, add some, or answer instead of reading. Its transcript runs ahead of its
audio, so comparing the two word by word stops most of that before it is heard.
"""

from __future__ import annotations

import re

from app.services.text_to_speech.interface import SynthesisError

WORDS_A_SLIP = 6
"""One word may be added or left out, and one more for each so many words of the text."""
OTHER_WORD = 2
OTHER_NUMBER = 99
"""A wrong hour is never a slip."""

_WORD = re.compile(r"\w+(?:[.:,'’]\w+)*")
_NUMBERS = re.compile(
    "zero|oh|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    "(thir|four|fif|six|seven|eigh|nine)teen|"
    "(twen|thir|for|fif|six|seven|eigh|nine)t(y|ieth)|hundred|thousand|"
    "first|second|third|(four|fif|six|seven|eigh|nin|ten|eleven|twelf)th"
)


class RewordedError(SynthesisError):
    """A voice said something else than it was given."""


class Reading:
    """One clause being read aloud: feed it the transcript as it comes."""

    def __init__(self, text: str) -> None:
        self._words = _words(text)
        self._allowed = 1 + len(self._words) // WORDS_A_SLIP
        self._transcript = ""
        self._compared = 0
        # The edit distance between what was said and each beginning of the text: the last row of its table.
        self._row = [0]
        for word in self._words:
            self._row.append(self._row[-1] + _cost(word))

    def feed(self, delta: str) -> None:
        """More of the transcript; it may end in the middle of a word.

        Raises:
            RewordedError: no way of going on would make it the text any more.
        """
        self._transcript += delta
        said = _words(self._transcript[: self._transcript.rfind(" ") + 1])
        if said and said[-1].startswith("#"):
            said.pop()  # it may be the beginning of a longer number
        self._compare(said)
        if min(self._row) > self._allowed:
            raise self._error()

    def finish(self) -> None:
        """The transcript is complete. Without one nothing can be said against the reading.

        Raises:
            RewordedError: it is not the text.
        """
        self._compare(_words(self._transcript))
        if self._compared and self._row[-1] > self._allowed:
            raise self._error()

    def _compare(self, said: list[str]) -> None:
        for word in said[self._compared :]:
            before, self._row = self._row, [self._row[0] + _cost(word)]
            for at, wanted in enumerate(self._words):
                other = 0 if _same(wanted, word) else max(OTHER_WORD, _cost(wanted), _cost(word))
                self._row.append(
                    min(before[at] + other, before[at + 1] + _cost(word), self._row[at] + _cost(wanted))
                )
        self._compared = len(said)

    def _error(self) -> RewordedError:
        return RewordedError(f"It was to say “{' '.join(self._words)}”, but said “{self._transcript}”.")


def _words(text: str) -> list[str]:
    """The words in small letters; a number, however many words it takes, is one that begins with `#`."""
    words: list[str] = []
    for match in _WORD.finditer(text.lower().replace("_", " ")):
        word = match[0].replace(".", "").replace("’", "'")
        digits = "".join(filter(str.isdigit, word))
        if not digits and not _NUMBERS.fullmatch(word):
            words.append(word)
        elif words and words[-1].startswith("#") and words[-1][1].isdigit() == bool(digits):
            words[-1] += digits or f" {word}"
        else:
            words.append("#" + (digits or word))
    return words


def _cost(word: str) -> int:
    return OTHER_NUMBER if word.startswith("#") else 1


def _same(one: str, other: str) -> bool:
    if one.startswith("#") and other.startswith("#") and one[1].isdigit() != other[1].isdigit():
        # "3:30" and "three thirty": which is taken on trust.
        return True
    return one == other
