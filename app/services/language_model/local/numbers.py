"""Numbers as a recogniser writes them: in digits or in words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.services.language_model.local.templates import word_list

_UNITS = word_list("""
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen
""")
_TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty"}
_ORDINALS = word_list("""
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
    fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
""")


def _cardinals() -> dict[str, int]:
    words = {word: value for value, word in enumerate(_UNITS)}
    for ten, word in _TENS.items():
        words[word] = ten
        words |= {f"{word} {_UNITS[unit]}": ten + unit for unit in range(1, 10)}
    return words


CARDINALS = _cardinals()
"""0 to 59: all that minutes need."""
ORDINALS = (
    {word: value for value, word in enumerate(_ORDINALS, 1)}
    | {f"twenty {word}": 20 + value for value, word in enumerate(_ORDINALS[:9], 1)}
    | {"thirtieth": 30, "thirty first": 31}
)
"""1 to 31: all that days of a month need."""


def one_of(words: Iterable[str]) -> str:
    """A pattern for any of these words, the longest first; "twenty five" may be written "twenty-five"."""
    return "(?:" + "|".join(w.replace(" ", "[ -]") for w in sorted(words, key=len, reverse=True)) + ")"


NUMBER = rf"(?:\d{{1,3}}|{one_of(CARDINALS)})"
ORDINAL = rf"(?:\d{{1,2}}(?:st|nd|rd|th)|{one_of(ORDINALS)})"

COUNTED = (
    r"(?:\s+(?:percent|degrees|dollars|euros|pounds|cents|people|persons|places|banks|minutes?|hours?|days?|weeks?"
    r"|months?|years?|times|points?|hundred|thousand|million|miles|meters|kilometers)\b)"
)
"""What follows a number that counts things, and is no hour or day."""


def value_of(spoken: str) -> int:
    """What NUMBER or ORDINAL matched, or "a" and "an", as a number."""
    words = re.sub(r"[\s-]+", " ", spoken.lower())
    if words in ("a", "an"):
        return 1
    if words in CARDINALS:
        return CARDINALS[words]
    if words in ORDINALS:
        return ORDINALS[words]
    return int(re.sub(r"\D", "", words))


def suffixed(day: int) -> str:
    """1 → "1st", 22 → "22nd"."""
    ending = "th" if 10 < day % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"
