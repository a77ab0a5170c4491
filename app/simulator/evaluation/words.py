"""What was said against what was written down: words, digits, and where a cut sentence ends. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import groupby

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NUMBERS = {
    **{str(number): word for number, word in enumerate(_DIGITS)},
    "10": "ten", "11": "eleven", "12": "twelve", "oh": "zero", "o": "zero",
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3}


def words(text: str) -> list[str]:
    """In lower case, without marks; small numbers as words: "3 o'clock p.m." is three, oclock, pm."""
    bare = re.sub(r"(?<=\b\w)\.(?=\w\b|\s|$)", "", text.lower().replace("'", "").replace("’", ""))
    return [_NUMBERS.get(word, word) if len(word) > 1 or word.isdigit() else word for word in _split(bare)]


def _split(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text)


def digits(text: str) -> str:
    """All digits of a text, spoken ones too: "five five, 01, double two" is 550122."""
    found = ""
    times = 1
    for word in _split(text.lower()):
        if word in _TIMES:
            times = _TIMES[word]
            continue
        spelled = _NUMBERS.get(word, word)
        digit = word if word.isdigit() else str(_DIGITS.index(spelled)) if spelled in _DIGITS else ""
        found += digit * times
        times = 1
    return found


def understood(said: str, stored: str) -> float:
    """The part of the words said that are stored, in their order."""
    left, right = words(said), words(stored)
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(left) if left else 1.0


def ends_apart(stored: str, audible: str) -> int:
    """How many words lie between the end of a stored line and the end of what was audible of it.

    What is audible may begin earlier or later, and words in its middle may have been misheard. Positive: more
    is stored than was heard; negative: less.
    """
    left, right = words(stored), _without_circles(words(audible))
    ends = list(_ends(left, right))
    # The pairing that leaves the fewest words over on both sides, from the last few words back.
    at_left, at_right = min(ends, key=lambda end: (sum(end), end), default=(len(left), len(right)))
    return at_left - at_right


def _without_circles(heard: Sequence[str]) -> list[str]:
    """A recogniser that is given half a word may go round in circles: "note the the the the"."""
    runs = [(word, len(list(same))) for word, same in groupby(heard)]
    return [word for word, times in runs for _ in range(1 if times > 2 else times)]


def _ends(left: Sequence[str], right: Sequence[str]) -> list[tuple[int, int]]:
    """Words left over after the last of each run of words that both share."""
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    return [
        (len(left) - block.a - block.size, len(right) - block.b - block.size)
        for block in blocks
        if block.size
    ]
