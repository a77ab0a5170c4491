"""Times of day in a caller's words.

An hour without "a.m." or "p.m." is one of the waking hours, 7:00 to 22:59: "three" is 3 PM, "nine" may be
9 AM or 9 PM (the first of them that lies ahead is meant), "eleven" is 11 AM. A part of the day ("in the
evening") decides otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.services.language_model.local.numbers import CARDINALS, COUNTED, NUMBER, one_of, value_of

WAKING = range(7, 23)
PARTS = {"morning": 9 * 60, "afternoon": 15 * 60, "evening": 19 * 60, "night": 20 * 60, "tonight": 20 * 60}
"""What a part of the day means when no hour is named, in minutes since midnight."""
MIDNIGHT = 24 * 60
"""Midnight ends the day it is named with."""

_HOUR = rf"(?:2[0-4]|1\d|0?\d|{one_of(w for w, n in CARDINALS.items() if 1 <= n <= 12)})"
_OH = rf"o(?:h)?[ -]{one_of(w for w, n in CARDINALS.items() if 1 <= n <= 9)}"
_MINUTE = rf"(?:[0-5]\d|{_OH}|{one_of(w for w, n in CARDINALS.items() if n >= 10)})"
_FIVES = r"(?:5|10|20|25|five|ten|twenty(?:[ -]five)?)"
_PART = r"(?P<part>morning|afternoon|evening|night)"
# "at two places", "at 5 Oak Street", "at 555 1234", "by three percent" name no time.
_NOT_A_TIME = (
    rf"(?![\s-]*\d|[.,:]\d|\s*%|{COUNTED}"
    r"|\s+(?:of|(?:\w+\s+){0,2}(?:street|avenue|road|lane|drive|boulevard|square))\b)"
)
_TIME = rf"""
    (?:
        (?:(?:12|twelve)\s+)?(?P<name>noon|midday|midnight)\b
      | (?P<offset>half(?=[\s-]+past)|(?:a[\s-]+)?quarter|{NUMBER}\s+minutes?|{_FIVES})
        [\s-]+(?P<direction>past|after|to|before|till|of)[\s-]+(?P<from_hour>{_HOUR})\b
      | (?P<hour>{_HOUR})(?:(?P<separator>[:.]|\s+|-)(?P<minute>{_MINUTE}))?\b
        (?P<oclock>[\s-]*o['’]?\s?clock\b)?
      | (?P<compact>(?:1\d|2[0-3]|\d)[0-5]\d)\b
    )
    (?:\s*(?P<half>[ap])\.?\s?m\b\.?)?
    (?:,?\s+(?:in\s+the|at|this)\s+{_PART}\b)?
"""
_LEAD = r"(?P<lead>at|by|around|before|until|till|after|from)\s+(?:about\s+|around\s+|exactly\s+)?"
_UNTIL = rf"(?:\s+(?:to|until|till)\s+{_HOUR}\b(?:[:.\s]{_MINUTE}\b)?(?:\s*[ap]\.?\s?m\b\.?)?)?"
_CLOCK = re.compile(
    rf"(?<![\d$€£.,:/-])\b(?:{_LEAD}|for\s+|about\s+)?\b{_TIME}{_UNTIL}{_NOT_A_TIME}", re.I | re.X
)
_BARE = re.compile(
    rf"\W*(?:(?:let'?s\s+say|say|maybe|about|around|at|to|for|by|it|make|like)\s+)*{_TIME}"
    r"(?:\s+(?:please|then|instead|is\s+(?:fine|good|ok|okay)|would\s+be\s+\w+|sharp|exactly))*\W*",
    re.I | re.X,
)
_PART_ALONE = re.compile(rf"\b(?:(?:in|during|for)\s+the|at|this)\s+{_PART}\b", re.I)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """`minutes` since midnight that it may mean, the likeliest first; 1440 and more: the night after."""

    minutes: tuple[int, ...]
    part_alone: bool = False
    """Only a part of the day was named: "in the morning"."""


def take_time(text: str, part: str | None = None) -> tuple[TimeOfDay | None, str]:
    """The first time of day named in `text`, and `text` without it.

    `part` is a part of the day already known ("tomorrow morning at eight").
    """
    for match in _CLOCK.finditer(text):
        if _is_a_time(match) and (time := _read(match, part)):
            return time, _without(text, match)
    if alone := _PART_ALONE.search(text):
        return TimeOfDay((PARTS[alone["part"].lower()],), part_alone=True), _without(text, alone)
    return (TimeOfDay((PARTS[part],), part_alone=True) if part else None), text


def bare_time(text: str) -> TimeOfDay | None:
    """A time that is all that was said: "three", "four thirty", as the answer to a question."""
    match = _BARE.fullmatch(text)
    return _read(match, None) if match else None


def _is_a_time(match: re.Match[str]) -> bool:
    """Numbers are everywhere; a time says so."""
    if match["name"] or match["half"] or match["oclock"] or match["part"] or match["lead"]:
        return True
    if match["offset"]:
        # "ten to four" without more may as well be a range, "a quarter of one" a share.
        spelled_out = not re.fullmatch(_FIVES, match["offset"], re.I)
        return match["direction"].lower() == "past" or (spelled_out and match["direction"].lower() != "of")
    return match["separator"] == ":"


def _read(match: re.Match[str], part: str | None) -> TimeOfDay | None:
    part = match["part"].lower() if match["part"] else part
    if match["name"]:
        return TimeOfDay((MIDNIGHT if match["name"].lower() == "midnight" else 12 * 60,))
    if match["compact"]:
        hour, minute = divmod(int(match["compact"]), 100)
    elif match["offset"]:
        hour, minute = value_of(match["from_hour"]), _offset(match["offset"])
        if match["direction"].lower() in ("to", "before", "till", "of"):
            hour, minute = (hour - 1 or 12), 60 - minute
    else:
        hour, minute = value_of(match["hour"]), _minute(match["minute"])
    if hour > 24 or minute > 59:
        return None
    return TimeOfDay(tuple(h * 60 + minute for h in _hours(hour, match["half"], part)))


def _hours(hour: int, half: str | None, part: str | None) -> tuple[int, ...]:
    """The hours since midnight that a spoken hour may mean."""
    if hour > 12 or hour == 0:
        return (hour,)
    am, pm = hour % 12, hour % 12 + 12
    if half:
        return (am if half.lower() == "a" else pm,)
    if part in ("night", "tonight") and (hour < 6 or hour == 12):
        return (am + 24,)
    if part:
        return (am,) if part == "morning" else (pm,)
    return tuple(h for h in (am, pm) if h in WAKING)


def _offset(spoken: str) -> int:
    if spoken.lower().endswith("quarter"):
        return 15
    return 30 if spoken.lower() == "half" else value_of(re.sub(r"\s+minutes?$", "", spoken, flags=re.I))


def _minute(spoken: str | None) -> int:
    return value_of(re.sub(r"^oh?[ -]", "", spoken, flags=re.I)) if spoken else 0


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} {text[match.end() :]}"
