"""Days, times and spans in a caller's words, and the moments they come to."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.language_model.local.when import find_answer, find_when, has_time, is_ahead, local
from tests.services.language_model.talking import BERLIN, SATURDAY_MORNING


def due(text: str, now: datetime = SATURDAY_MORNING) -> str:
    when, _ = find_answer(text, now)
    return f"{when.due(now):%a %d %b %Y %H:%M}" if when else ""


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("tomorrow at three", "Sun 22 Nov 2026 15:00"),
        ("at three thirty p m", "Sat 21 Nov 2026 15:30"),
        ("at 3:30 p.m. on Tuesday", "Tue 24 Nov 2026 15:30"),
        ("at 3.30 p.m.", "Sat 21 Nov 2026 15:30"),
        ("at half past three", "Sat 21 Nov 2026 15:30"),
        ("quarter to five tomorrow", "Sun 22 Nov 2026 16:45"),
        ("a quarter past ten", "Sat 21 Nov 2026 10:15"),
        ("at half-past three", "Sat 21 Nov 2026 15:30"),
        ("quarter-to five tomorrow", "Sun 22 Nov 2026 16:45"),
        ("a quarter-past-ten", "Sat 21 Nov 2026 10:15"),
        ("Half-past three.", "Sat 21 Nov 2026 15:30"),
        ("December six at ten", "Sun 06 Dec 2026 10:00"),
        ("at five to three", "Sat 21 Nov 2026 14:55"),
        ("at four oh five", "Sat 21 Nov 2026 16:05"),
        ("at four forty-five", "Sat 21 Nov 2026 16:45"),
        ("at ten o'clock", "Sat 21 Nov 2026 10:00"),
        ("at 15:45", "Sat 21 Nov 2026 15:45"),
        ("at 1530", "Sat 21 Nov 2026 15:30"),
        ("at noon", "Sat 21 Nov 2026 12:00"),
        ("twelve noon tomorrow", "Sun 22 Nov 2026 12:00"),
        ("at midnight", "Sun 22 Nov 2026 00:00"),
        ("three in the afternoon", "Sat 21 Nov 2026 15:00"),
        ("two in the morning", "Sun 22 Nov 2026 02:00"),
        ("tonight", "Sat 21 Nov 2026 20:00"),
        ("tonight at one", "Sun 22 Nov 2026 01:00"),
        ("tomorrow morning", "Sun 22 Nov 2026 09:00"),
        ("tomorrow morning at eight thirty", "Sun 22 Nov 2026 08:30"),
        ("this afternoon", "Sat 21 Nov 2026 15:00"),
        ("tomorrow from 2 to 3", "Sun 22 Nov 2026 14:00"),
        ("Three.", "Sat 21 Nov 2026 15:00"),
        ("Let's say four thirty.", "Sat 21 Nov 2026 16:30"),
    ],
)
def test_a_time_of_day_is_understood(text: str, moment: str) -> None:
    assert due(text) == moment


@pytest.mark.parametrize(
    ("hour", "moment"),
    [
        ("one", "Sat 21 Nov 2026 13:00"),
        ("six", "Sat 21 Nov 2026 18:00"),
        ("seven", "Sat 21 Nov 2026 19:00"),
        ("eight", "Sat 21 Nov 2026 20:00"),
        ("nine", "Sat 21 Nov 2026 09:00"),
        ("ten", "Sat 21 Nov 2026 10:00"),
        ("eleven", "Sat 21 Nov 2026 11:00"),
        ("twelve", "Sat 21 Nov 2026 12:00"),
    ],
)
def test_a_bare_hour_is_the_next_one_while_people_are_awake(hour: str, moment: str) -> None:
    assert due(f"at {hour}") == moment


@pytest.mark.parametrize(
    ("hour", "moment"),
    [
        ("three", "Sun 22 Nov 2026 15:00"),
        ("eight", "Sun 22 Nov 2026 08:00"),
        ("ten", "Sat 21 Nov 2026 22:00"),
    ],
)
def test_a_bare_hour_in_the_evening_is_of_tomorrow_unless_it_still_comes(hour: str, moment: str) -> None:
    assert due(f"at {hour}", SATURDAY_MORNING.replace(hour=21)) == moment


def test_a_bare_hour_is_none_at_which_people_sleep() -> None:
    assert due("at six", SATURDAY_MORNING.replace(hour=5)) == "Sat 21 Nov 2026 18:00"
    assert due("at eleven", SATURDAY_MORNING.replace(hour=21)) == "Sun 22 Nov 2026 11:00"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("tomorrow", "Sun 22 Nov 2026"),
        ("the day after tomorrow", "Mon 23 Nov 2026"),
        ("Friday", "Fri 27 Nov 2026"),
        ("next Friday", "Fri 27 Nov 2026"),
        ("on Saturday", "Sat 28 Nov 2026"),
        ("a week from Friday", "Fri 04 Dec 2026"),
        ("next week", "Mon 23 Nov 2026"),
        ("Friday next week", "Fri 27 Nov 2026"),
        ("in two weeks", "Sat 05 Dec 2026"),
        ("in a couple of days", "Mon 23 Nov 2026"),
        ("on the fifth", "Sat 05 Dec 2026"),
        ("on the 5th", "Sat 05 Dec 2026"),
        ("on the 21st", "Sat 21 Nov 2026"),
        ("on the thirty first", "Thu 31 Dec 2026"),
        ("December first", "Tue 01 Dec 2026"),
        ("the twenty fifth of December", "Fri 25 Dec 2026"),
        ("on December six", "Sun 06 Dec 2026"),
        ("December twenty-five", "Fri 25 Dec 2026"),
        ("Tuesday, December one", "Tue 01 Dec 2026"),
        ("May 5", "Wed 05 May 2027"),
        ("January 5", "Tue 05 Jan 2027"),
        ("November 21", "Sat 21 Nov 2026"),
        ("Tuesday, December 1st", "Tue 01 Dec 2026"),
        ("Tuesday the eighth", "Tue 08 Dec 2026"),
        ("12/24", "Thu 24 Dec 2026"),
        ("by the end of the week", "Sun 22 Nov 2026"),
        ("by the end of the month", "Mon 30 Nov 2026"),
        ("this weekend", "Sat 28 Nov 2026"),
    ],
)
def test_a_day_without_a_time_is_known_to_lack_it(text: str, day: str) -> None:
    when, _ = find_when(text, SATURDAY_MORNING)
    moment = when.due(SATURDAY_MORNING)
    assert f"{moment:%a %d %b %Y}" == day
    assert not has_time(moment)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("in ten minutes", 10),
        ("in an hour", 60),
        ("in half an hour", 30),
        ("in an hour and a half", 90),
        ("in two and a half hours", 150),
        ("in 1 hour and 30 minutes", 90),
        ("in a couple of hours", 120),
        ("twenty minutes from now", 20),
    ],
)
def test_a_span_counts_from_now(text: str, minutes: int) -> None:
    when, rest = find_when(text, SATURDAY_MORNING)
    assert when.due(SATURDAY_MORNING) == (SATURDAY_MORNING + timedelta(minutes=minutes)).replace(second=0)
    assert not rest.strip()


@pytest.mark.parametrize(
    "text",
    [
        "may I call you", "on the second floor", "at two places", "at 5 Oak Street", "at 555 1234",
        "the Sunday paper",
        "tomorrow's paper", "a meeting of two hours", "chapter three", "four people", "a quarter of one cake",
        "the thirty first of February", "I sat down for a second", "add ten to the bill", "$3.50", "march on",
        "the morning paper", "good evening", "in May five people left", "march three miles",
    ],
)  # fmt: skip
def test_words_that_only_look_like_times_are_left_alone(text: str) -> None:
    when, rest = find_when(text, SATURDAY_MORNING)
    assert not when
    assert rest == text


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("call Anna tomorrow at three about the car", "call Anna about the car"),
        ("buy 3 apples at 5", "buy 3 apples"),
        ("check the May report on May 3rd", "check the May report"),
        ("meet Bob at 5 Oak Street on Monday at noon", "meet Bob at 5 Oak Street"),
        ("meeting with Bob next Tuesday at 10", "meeting with Bob"),
    ],
)
def test_what_is_left_has_no_time_in_it(text: str, rest: str) -> None:
    assert " ".join(find_when(text, SATURDAY_MORNING)[1].split()) == rest


def test_a_correction_keeps_the_day_and_the_half_of_the_day() -> None:
    before = SATURDAY_MORNING.replace(day=24, hour=15, minute=0)
    when, _ = find_answer("four", SATURDAY_MORNING)
    assert f"{when.due(SATURDAY_MORNING, before):%d %H:%M}" == "24 16:00"
    when, _ = find_answer("eight", SATURDAY_MORNING)
    assert f"{when.due(SATURDAY_MORNING, before):%d %H:%M}" == "24 20:00"
    assert f"{when.due(SATURDAY_MORNING, before.replace(hour=9)):%d %H:%M}" == "24 08:00"


def test_a_month_that_answers_is_heard_behind_a_misheard_on() -> None:
    when, _ = find_answer("A march third, at ten in the morning.", SATURDAY_MORNING)
    assert str(when.day) == "2027-03-03"


def test_a_correction_of_the_day_keeps_the_time() -> None:
    before = SATURDAY_MORNING.replace(day=24, hour=15, minute=30)
    when, _ = find_answer("on Friday", SATURDAY_MORNING)
    assert f"{when.due(SATURDAY_MORNING, before):%a %d %H:%M}" == "Fri 27 15:30"


def test_a_shift_counts_from_the_time_that_was() -> None:
    before = SATURDAY_MORNING.replace(day=24, hour=15, minute=0)
    assert find_when("an hour later", SATURDAY_MORNING)[0].due(SATURDAY_MORNING, before).hour == 16
    assert find_when("half an hour earlier", SATURDAY_MORNING)[0].due(SATURDAY_MORNING, before).minute == 30


def test_the_past_stays_the_past() -> None:
    for text in ("today at seven a.m.", "yesterday", "this morning at six", "March 3rd, 1928"):
        when, _ = find_when(text, SATURDAY_MORNING)
        assert not is_ahead(when.due(SATURDAY_MORNING), SATURDAY_MORNING), text


def test_wall_clock_times_survive_the_change_to_winter_time() -> None:
    now = datetime(2026, 10, 24, 12, 0, tzinfo=BERLIN)
    moment = find_when("tomorrow at three", now)[0].due(now)
    assert (moment.hour, moment.utcoffset()) == (15, timedelta(hours=1))


def test_a_span_is_real_time_across_the_change_to_winter_time() -> None:
    now = datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN)
    moment = find_when("in two hours", now)[0].due(now)
    assert moment.astimezone(UTC) - now.astimezone(UTC) == timedelta(hours=2)
    assert f"{moment:%H:%M}" == "02:30"


def test_the_hour_that_summer_time_skips_becomes_the_next() -> None:
    now = datetime(2026, 3, 28, 12, 0, tzinfo=BERLIN)
    assert f"{local(now.date() + timedelta(days=1), 150, now):%d %H:%M}" == "29 03:30"


def test_days_are_counted_over_the_end_of_the_year() -> None:
    now = datetime(2026, 12, 31, 22, 0, tzinfo=BERLIN)
    assert due("tomorrow at nine", now) == "Fri 01 Jan 2027 09:00"
    assert due("on the first at noon", now) == "Fri 01 Jan 2027 12:00"
    assert due("at eight", now) == "Fri 01 Jan 2027 08:00"
    assert due("January 2nd at noon", now) == "Sat 02 Jan 2027 12:00"


moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 31)).map(lambda m: m.replace(tzinfo=BERLIN))


@given(now=moments, hour=st.integers(1, 12), minute=st.integers(0, 59))
def test_a_time_without_a_day_is_always_ahead_and_within_two_days(
    now: datetime, hour: int, minute: int
) -> None:
    moment = find_when(f"at {hour}:{minute:02}", now)[0].due(now)
    assert is_ahead(moment, now)
    assert moment.timestamp() - now.timestamp() <= 2 * 86400
    assert moment.minute == minute or moment.utcoffset() != now.utcoffset()
    assert moment.hour % 12 == hour % 12 or moment.utcoffset() != now.utcoffset()


@given(now=moments, weekday=st.sampled_from(list(calendar.day_name)))
def test_a_weekday_is_one_of_the_next_seven_days(now: datetime, weekday: str) -> None:
    moment = find_when(f"on {weekday}", now)[0].due(now)
    assert f"{moment:%A}" == weekday
    assert 1 <= (moment.date() - now.date()).days <= 7
