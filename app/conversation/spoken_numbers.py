"""Numbers, dates and times as people say them, as far as it tells whether they are whole. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.conversation.word_classes import MONTHS, ORDINALS, PARTS_OF_DAY, SPANS

DIGITS = {
    "zero": "0", "oh": "0", "o": "0", "nought": "0", "one": "1", "two": "2", "three": "3", "four": "4",
    "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_TEENS = {
    "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15",
    "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
}  # fmt: skip
TENS = {
    "twenty": "2", "thirty": "3", "forty": "4", "fifty": "5", "sixty": "6", "seventy": "7", "eighty": "8",
    "ninety": "9",
}  # fmt: skip
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_HALVES = frozenset(("am", "pm", "o'clock", "oclock"))
_LINKING = frozenset(("the", "of", "and"))
_WITHIN_DATES = _LINKING | {"hundred", "thousand"}


def is_number(word: str) -> bool:
    return word[0].isdigit() or word in DIGITS or word in _TEENS or word in TENS


def is_ordinal(word: str) -> bool:
    return word in ORDINALS or _ORDINAL.fullmatch(word) is not None


def digits(words: Sequence[str]) -> str:
    """The digits said at the end, one after the other: "two one two, double five" is "21255"."""
    run: list[str] = []
    for word in reversed(words):
        if not (
            is_number(word)
            or word in ("double", "triple", "hundred", "thousand", "dash", "and", "area", "code")
        ):
            break
        run.insert(0, word)
    said = ""
    times = 1
    for place, word in enumerate(run):
        if word in ("double", "triple"):
            times = 2 if word == "double" else 3
            continue
        after = run[place + 1] if place + 1 < len(run) else ""
        if word in TENS:
            # "fifty seven" is 57, "fifty" 50.
            said += TENS[word] + ("" if after in DIGITS and after not in ("oh", "zero", "o") else "0")
        elif word == "hundred":
            said += "00"
        elif word == "thousand":
            said += "000"
        else:
            said += times * (DIGITS.get(word) or _TEENS.get(word) or re.sub(r"\D", "", word))
        times = 1
    return said


def is_whole_number(said: str) -> bool:
    """Whether digits are a telephone number or that of a card, with nothing missing.

    North American numbers have ten digits, seven without the area code, and neither part begins with 0 or 1;
    with the 1 of the long distance they have eleven (North American Numbering Plan).
    """
    if said.startswith("1"):
        return len(said) == 11
    return (len(said) in (7, 10) and not said.startswith("0")) or len(said) == 16


def clock(words: Sequence[str]) -> str:
    """How exactly the words end with a time of day: "" not at all, "bare" for "at three",
    "whole" for "three p m", "noon", "nine in the morning", "in ten minutes"."""
    if not words:
        return ""
    last = words[-1]
    if last in _HALVES and len(words) > 1 and is_number(words[-2]):
        return "whole"
    if last in ("noon", "midnight", "tonight", "midday"):
        return "whole"
    if last == "m" and words[-2:-1] and words[-2] in ("a", "p"):
        return "whole"
    if last in PARTS_OF_DAY:
        return "whole" if clock(words[:-3]) or clock(words[:-2]) else "bare"
    if last in SPANS and last != "second" and _counted(words[:-1], ("in", "within", "for", "after")):
        return "whole"
    start = len(words)
    while start and is_number(words[start - 1]):
        start -= 1
    said = words[start:]
    if not 1 <= len(said) <= 3:
        return ""
    before = words[start - 1] if start else ""
    if before in ("at", "by", "until", "till", "around", "past", "before", "to", "make") or ":" in last:
        return "bare"
    if before == "for" and "alarm" in words:
        return "bare"
    return (
        "bare"
        if before in ("it", "about", "o'clock") and start > 1 and words[start - 2] in ("make", "at")
        else ""
    )


def _counted(words: Sequence[str], before: tuple[str, ...]) -> bool:
    """Whether the words end in a number after one of `before`: "in half an", "in twenty five"."""
    place = len(words)
    while place and (
        is_number(words[place - 1]) or words[place - 1] in ("a", "an", "half", "few", "couple", "of")
    ):
        place -= 1
    return 0 < place < len(words) and words[place - 1] in before


def date(words: Sequence[str]) -> str:
    """How exactly the words end with a date: "" not at all, "day" for "march third", "year" for "march third
    nineteen twenty eight" or "3/14/1985"."""
    place = next((i for i in range(len(words) - 1, -1, -1) if words[i] in MONTHS), None)
    if place is None or len(words) - place > 7 or words[-1] in _LINKING:
        return ""
    after = words[place + 1 :]
    if not all(is_number(word) or is_ordinal(word) or word in _WITHIN_DATES for word in after):
        return ""
    day = place and (is_ordinal(words[place - 1]) or words[place - 1] == "of" or is_number(words[place - 1]))
    if day and not after:
        return "day"
    said = digits(after)
    if not day:
        # The first word or two after the month are the day.
        if after and is_ordinal(after[0]):
            said = digits(after[1:])
        elif len(after) > 1 and is_ordinal(after[1]):
            said = digits(after[2:])
        else:
            said = said[2:] if len(said) > 4 else said[1:]
    if len(said) >= 4 and words[-1] != "thousand":
        return "year"
    return "day" if after and (day or is_number(after[0]) or is_ordinal(after[0])) else ""
