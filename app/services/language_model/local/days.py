"""Days in a caller's words, found by a strict grammar and counted out by dateparser.

dateparser's own search takes "may", "sat", "second" or "call" for dates; here it sees only expressions
that are dates. A weekday is the next one after today, with "next" or without; "next week Friday" is the
one in the week that begins on Monday. The read-back names the date, so a caller who meant another says so.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count

import dateparser

from app.services.language_model.local.numbers import CARDINALS, COUNTED, NUMBER, ORDINAL, one_of, value_of

WEEKDAYS = [name.lower() for name in calendar.day_name]
_WEEKDAY = rf"(?P<weekday>{'|'.join(WEEKDAYS)})"
_MONTHS = [name.lower() for name in calendar.month_name if name]
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)}|(?:jan|feb|apr|aug|sept?|oct|nov|dec)\b\.?)"
_DAY_OF_MONTH = rf"(?P<day>{ORDINAL}|\d{{1,2}})"
# After the month, a recogniser writes "December five" where it hears "fifth" badly, or people say it so.
_DAY_AFTER_MONTH = (
    rf"(?P<day>{ORDINAL}|\d{{1,2}}|{one_of(w for w, n in CARDINALS.items() if 1 <= n <= 31)})\b(?!{COUNTED})"
)
_YEAR = r"(?:,?\s+(?P<year>(?:19|20)\d\d)\b)?"
_BEFORE = r"(?:(?:on|by|for|until|till|before|from|starting)\s+)?"
# "Tuesday, the first of December": the date decides.
_NAMED = rf"(?:(?:{'|'.join(WEEKDAYS)}),?\s+)?"
_PART = r"(?:\s+(?P<part>morning|afternoon|evening|night)\b)?"
_DETERMINER = re.compile(r"\b(?:the|a|an|my|our|your|his|her|their|good)\s+$", re.I)

_CALENDAR = re.compile(
    rf"\b(?:{'|'.join(WEEKDAYS)}|{'|'.join(m for m in _MONTHS if m not in ('march', 'may'))})\b", re.I
)


@dataclass(frozen=True, slots=True)
class Day:
    """A day, and the part of it that was named in one breath with it ("tomorrow morning")."""

    date: date
    part: str | None = None


def take_day(text: str, now: datetime) -> tuple[Day | None, str]:
    """The first day named in `text`, and `text` without it."""
    found: tuple[re.Match[str], date] | None = None
    for pattern, resolve in _GRAMMAR:
        for match in pattern.finditer(text):
            if found and match.start() >= found[0].start():
                break
            if _DETERMINER.search(text[: match.start()]):
                continue  # "the Sunday paper"
            try:
                day = resolve(match, now)
            except (ValueError, OverflowError):
                day = None  # "the thirty-first of February"
            if day:
                found = match, day
                break
    if not found:
        return None, text
    match, day = found
    part = match.groupdict().get("part")
    return Day(day, part.lower() if part else None), f"{text[: match.start()]} {text[match.end() :]}"


def names_calendar(text: str) -> bool:
    """Whether a weekday or a month is named, of whatever day: "sometime in January". Not "may" or "march"."""
    return _CALENDAR.search(text) is not None


def _parse(expression: str, base: datetime) -> date | None:
    settings = {"PREFER_DATES_FROM": "future", "RELATIVE_BASE": base.replace(tzinfo=None)}
    parsed = dateparser.parse(expression, languages=["en"], settings=settings)
    return parsed.date() if parsed else None


def _relative(match: re.Match[str], now: datetime) -> date | None:
    return _parse(re.sub(r"\s+", " ", match["name"].lower().replace("the ", "")), now)


def _this_part(match: re.Match[str], now: datetime) -> date | None:
    return now.date()


def _ahead(match: re.Match[str], now: datetime) -> date | None:
    amount = 2 if "couple" in match["amount"].lower() else value_of(match["amount"])
    return _parse(f"in {amount} {match['unit'].lower()}s", now)


def _weekday(match: re.Match[str], now: datetime) -> date | None:
    day = _parse(match["weekday"].lower(), now)
    if day and match["which"] and match["which"].lower() == "last":
        return day - timedelta(weeks=1 if day - now.date() < timedelta(weeks=1) else 2)
    return day + timedelta(weeks=1) if day and match["later"] else day


def _weekday_of_next_week(match: re.Match[str], now: datetime) -> date | None:
    return _next_monday(now) + timedelta(days=WEEKDAYS.index(match["weekday"].lower()))


def _next_monday(now: datetime) -> date:
    return now.date() + timedelta(days=7 - now.weekday())


def _next_unit(match: re.Match[str], now: datetime) -> date | None:
    if match["unit"].lower() == "week":
        return _next_monday(now)
    return (now.date().replace(day=1) + timedelta(days=32)).replace(day=1)


def _weekend(match: re.Match[str], now: datetime) -> date | None:
    saturday = _parse("saturday", now)
    return saturday + timedelta(weeks=1) if saturday and match["which"].lower() == "next" else saturday


def _end(match: re.Match[str], now: datetime) -> date | None:
    today = now.date()
    match match["unit"].lower():
        case "day":
            return today
        case "week":
            return _next_monday(now) - timedelta(days=3 if now.weekday() <= 4 else 1)
        case _:
            return today.replace(day=calendar.monthrange(today.year, today.month)[1])


def _month_day(match: re.Match[str], now: datetime) -> date | None:
    expression = f"{value_of(match['day'])} {match['month']} {match['year'] or ''}"
    # Seen from yesterday, so that today's own date is not a year away.
    return _parse(expression.strip(), now - timedelta(days=1))


def _slashes(match: re.Match[str], now: datetime) -> date | None:
    return _parse(match["date"], now - timedelta(days=1))


def _day_of_month(match: re.Match[str], now: datetime) -> date | None:
    """The next such day; in a month that has one."""
    day = value_of(match["day"])
    if not 1 <= day <= 31:
        return None
    first = now.date().replace(day=1)
    for offset in count(1 if match["next"] or day < now.day else 0):
        month = first.month - 1 + offset
        year = first.year + month // 12
        if day <= calendar.monthrange(year, month % 12 + 1)[1]:
            return date(year, month % 12 + 1, day)
    raise AssertionError("every day up to the 31st comes again")


_Resolver = Callable[[re.Match[str], datetime], date | None]


def _rule(pattern: str, resolve: _Resolver) -> tuple[re.Pattern[str], _Resolver]:
    return re.compile(rf"\b{_BEFORE}{pattern}(?!['’]s|s\b)", re.I), resolve


_GRAMMAR = (
    _rule(rf"(?P<name>(?:the\s+)?day\s+after\s+tomorrow|today|tomorrow|yesterday)\b{_PART}", _relative),
    _rule(r"(?:this\s+)?(?P<part>tonight|(?<=this )(?:morning|afternoon|evening))\b", _this_part),
    _rule(
        rf"(?:in|within)\s+(?:about\s+)?(?P<amount>a\s+couple\s+of|an?|{NUMBER})\s+(?P<unit>day|week|month|year)s?\b",
        _ahead,
    ),
    _rule(rf"(?P<amount>an?|{NUMBER})\s+(?P<unit>day|week|month|year)s?\s+from\s+(?:now|today)\b", _ahead),
    _rule(rf"{_NAMED}{_MONTH}\s+(?:the\s+)?{_DAY_AFTER_MONTH}{_YEAR}{_PART}", _month_day),
    _rule(
        rf"{_NAMED}(?:the\s+)?{_DAY_OF_MONTH}\s+(?:of\s+)?{_MONTH}(?:\b|(?<=\.)){_YEAR}{_PART}", _month_day
    ),
    _rule(rf"{_WEEKDAY},?\s+(?:the\s+)?(?P<day>{ORDINAL})\b(?P<next>\s+of\s+next\s+month)?", _day_of_month),
    _rule(rf"next\s+week\s+(?:on\s+)?{_WEEKDAY}\b{_PART}", _weekday_of_next_week),
    _rule(rf"{_WEEKDAY}\s+(?:of\s+)?next\s+week\b{_PART}", _weekday_of_next_week),
    _rule(
        rf"(?P<later>a\s+week\s+(?:from|on)\s+)?(?:(?P<which>this\s+coming|this|next|coming|last)\s+)?{_WEEKDAY}\b{_PART}",
        _weekday,
    ),
    _rule(r"(?P<which>this|the|next)\s+(?:coming\s+)?weekend\b", _weekend),
    _rule(r"next\s+(?P<unit>week|month)\b", _next_unit),
    _rule(r"the\s+end\s+of\s+(?:the|this)\s+(?P<unit>day|week|month)\b", _end),
    _rule(r"(?P<date>\d{1,2}/\d{1,2}(?:/(?:20)?\d\d)?)\b(?!/)", _slashes),
    _rule(
        r"(?:(?<=on )|(?<=by )|(?<=for )|(?<=until )|(?<=before ))"
        rf"the\s+(?P<day>{ORDINAL})\b(?:\s+of\s+(?P<next>next\s+month))?"
        r"(?=\s*(?:$|[.,;!?])|\s+(?:at|in|to|and|around|by|for|please|i|with|about|of\s+this\s+month)\b)",
        _day_of_month,
    ),
)
