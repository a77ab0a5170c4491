"""When: the day, the time of day or the span of time a caller names, and the moment it comes to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from app.services.language_model.local.clock import TimeOfDay, bare_time, take_time
from app.services.language_model.local.days import WEEKDAYS, take_day
from app.services.language_model.local.numbers import NUMBER, value_of

SOME_TIME = time(23, 59)
"""A due time that stands for "some time that day": the day is known, the hour is not."""

_AMOUNT = rf"(?:a\s+couple\s+of|half\s+an|an?|the|{NUMBER})"
_SPAN = re.compile(
    rf"\b(?:(?:in|within)\s+(?:about\s+)?)?(?P<amount>{_AMOUNT})(?P<half>\s+and\s+a\s+half)?"
    rf"\s+(?P<unit>minute|min|hour|day|week)s?(?P<half_hour>\s+and\s+a\s+half)?"
    rf"(?:\s+(?:and\s+)?(?P<minutes>{NUMBER})\s+min(?:ute)?s?)?"
    r"(?:\s+(?P<anchor>from\s+now|later|earlier|before))?\b",
    re.I,
)
_EVERY = re.compile(
    rf"\b(?:on\s+)?(?:every|each)\s+(?:(?P<part>morning|afternoon|evening|night)|(?P<day>{'|'.join(WEEKDAYS)})"
    r"|(?:single\s+)?(?:day|weekday|week|month|year|hour))\b",
    re.I,
)
_A_MONTH = re.compile(r"^\W*(?:an?|and)\s+(?=(?:march|may)\b)", re.I)
"""How "on March" is often heard. In the middle of a sentence it may be a march."""
_IN = re.compile(r"(?:in|within)\b", re.I)


@dataclass(frozen=True, slots=True)
class When:
    """What was named: a moment ("in ten minutes"), a shift ("an hour later"), a day, a time of day."""

    moment: datetime | None = None
    shift: timedelta | None = None
    day: date | None = None
    time: TimeOfDay | None = None
    repeats: bool = field(default=False, compare=False)
    """"Every Monday": only the first can be kept."""

    def __bool__(self) -> bool:
        return self != When()

    def due(self, now: datetime, before: datetime | None = None) -> datetime:
        """The moment meant, in the time zone of `now`. It may have passed.

        `before` is the due time that this completes or corrects: a day without a time keeps its time, a
        time without a day keeps its day, and where an hour may be a.m. or p.m., its half of the day.
        """
        if self.moment:
            return self.moment
        if self.shift:
            return _moved(before or now, self.shift)
        day, minutes = self.day, self.time.minutes if self.time else ()
        if before and has_time(before):
            minutes = minutes or (before.hour * 60 + before.minute,)
            if self.time and self.time.part_alone:
                # "At eight." "In the morning": it tells which eight.
                minutes = (before.hour % 12 * 60 + before.minute + (0 if minutes[0] < 12 * 60 else 12 * 60),)
            elif self.time and not day:
                minutes = tuple(sorted(minutes, key=lambda m: (m < 12 * 60) != (before.hour < 12)))
        if not minutes:
            minutes = (SOME_TIME.hour * 60 + SOME_TIME.minute,)
        first = day or (before.date() if before else now.date())
        # A day that was named, or is being corrected, stands, even if that makes it the past.
        stands = day or (before and not (self.time and self.time.part_alone))
        days = [first] if stands else [first + timedelta(days=more) for more in range(3)]
        moments = [local(each, minute, now) for each in days for minute in minutes]
        return next((moment for moment in moments if is_ahead(moment, now)), moments[-1])


def find_when(text: str, now: datetime) -> tuple[When, str]:
    """What `text` says about time, and `text` without it. The first day and the first time count."""
    if every := _EVERY.search(text):
        first = f"in the {every['part']}" if every["part"] else every["day"] or ""
        when, text = find_when(f"{text[: every.start()]} {first} {text[every.end() :]}", now)
        return replace(when, repeats=True), text
    if match := _find_span(text):
        span = _length(match)
        text = f"{text[: match.start()]} {text[match.end() :]}"
        anchor = (match["anchor"] or "").lower()
        if anchor == "later":
            return When(shift=span), text
        if anchor in ("earlier", "before"):
            return When(shift=-span), text
        return When(moment=shifted(now, span)), text
    day, text = take_day(text, now)
    time_of_day, text = take_time(text, day.part if day else None)
    return When(day=day.date if day else None, time=time_of_day), text


def find_answer(text: str, now: datetime) -> tuple[When, str]:
    """Like `find_when`, for words that answer "when?": a bare number is an hour there."""
    when, rest = find_when(_A_MONTH.sub("", text), now)
    if when.time or when.moment or when.shift:
        return when, rest
    if time_of_day := bare_time(rest):
        return When(day=when.day, time=time_of_day), ""
    return when, rest


def has_time(due: datetime | None) -> bool:
    """Whether the hour is known, not only the day."""
    return due is not None and due.time().replace(second=0, microsecond=0) != SOME_TIME


def is_ahead(moment: datetime, now: datetime) -> bool:
    """Whether it lies in the future; by the instant, as wall clocks repeat an hour in autumn."""
    return moment.timestamp() > now.timestamp()


def local(day: date, minutes: int, now: datetime) -> datetime:
    """The moment at which a clock on the wall has gone `minutes` past the midnight that begins `day`.

    A time that the change to summer time skips becomes the one an hour later.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return shifted(wall.replace(tzinfo=now.tzinfo), timedelta())


def shifted(moment: datetime, span: timedelta) -> datetime:
    """`span` of real time later, whatever clocks do in between, in whole minutes."""
    later = (moment.astimezone(UTC) + span).astimezone(moment.tzinfo)
    return later.replace(second=0, microsecond=0)


def _moved(moment: datetime, span: timedelta) -> datetime:
    """Later by `span`; by whole days, the same time on another day."""
    if span % timedelta(days=1):
        return shifted(moment, span)
    return local(moment.date() + span, moment.hour * 60 + moment.minute, moment)


def _find_span(text: str) -> re.Match[str] | None:
    # "A meeting of two hours" is no moment: it takes an "in" before or a "from now" after. Spans of days
    # from now are days ("in two weeks"), not moments.
    def counts(match: re.Match[str]) -> bool:
        relative = (match["anchor"] or "").lower() in ("later", "earlier", "before")
        if match["unit"].lower() in ("day", "week") or match["amount"].lower() == "the":
            return relative
        return relative or match["anchor"] is not None or _IN.match(match[0]) is not None

    return next((match for match in _SPAN.finditer(text) if counts(match)), None)


def _length(match: re.Match[str]) -> timedelta:
    spoken = re.sub(r"\s+", " ", match["amount"].lower())
    amount = {"half an": 0.5, "a couple of": 2.0, "the": 1.0}.get(spoken) or float(value_of(spoken))
    if match["half"] or match["half_hour"]:
        amount += 0.5
    unit = {"hour": 60, "day": 24 * 60, "week": 7 * 24 * 60}.get(match["unit"].lower(), 1)
    extra = value_of(match["minutes"]) if match["minutes"] else 0
    return timedelta(minutes=amount * unit + extra)
