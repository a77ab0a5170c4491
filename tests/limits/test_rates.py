"""app.limits.rates and what is built on it: plain values, fed a clock."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.limits.messages import PATIENCE_SECONDS, MessageRate
from app.limits.quiet_log import QuietFilter, QuietLog, Quietly
from app.limits.rates import SlidingWindow, TokenBucket

pauses = st.lists(st.floats(0, 3), max_size=300)


@given(pauses)
def test_a_bucket_never_passes_more_than_its_capacity_and_rate_allow(pauses: list[float]) -> None:
    bucket, now, passed = TokenBucket(rate=10, capacity=5), 100.0, []
    for pause in pauses:
        now += pause
        if bucket.take(now):
            passed.append(now)
    for first, begun in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= 5 + 10 * (passed[last] - begun) + 1e-6


def test_a_bucket_is_full_again_after_a_pause() -> None:
    bucket = TokenBucket(rate=10, capacity=5)
    assert [bucket.take(7.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [bucket.take(8.0) for _ in range(7)] == [True] * 5 + [False] * 2


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 40)), max_size=200))
def test_no_window_holds_more_of_a_key_than_allowed(arrivals: list[tuple[str, float]]) -> None:
    window, now = SlidingWindow(3, 60), 0.0
    passed: dict[str, list[float]] = {}
    for key, pause in arrivals:
        now += pause
        expected = sum(1 for at in passed.get(key, []) if at > now - 60) < 3
        assert window.take(key, now) is expected
        if expected:
            passed.setdefault(key, []).append(now)


def test_what_is_given_back_does_not_count() -> None:
    window = SlidingWindow(1, 60)
    for _ in range(5):
        assert window.take("a", 0)
        window.give_back("a")
    assert len(window) == 0
    window.give_back("never seen")
    assert window.take("a", 0)
    assert not window.take("a", 0)


def test_a_window_forgets_the_oldest_of_too_many_keys() -> None:
    window = SlidingWindow(1, 60, most_keys=100)
    for number in range(1000):
        assert window.take(str(number), 0)
    assert len(window) == 100
    assert not window.take("999", 1)


def test_twilios_own_rate_passes_for_ever() -> None:
    rate = MessageRate(100)
    assert all(rate.chunk(number * 0.02) for number in range(10_000))
    assert not rate.flooded


def test_chunks_beyond_the_rate_are_dropped_and_a_short_excess_is_forgiven() -> None:
    rate = MessageRate(100)
    assert [rate.chunk(5.0) for _ in range(150)].count(True) == 100
    assert not rate.flooded
    assert rate.chunk(6.0)


@pytest.mark.parametrize("held_up", [1.0, 3.0, 8.0])
def test_audio_that_was_held_up_passes_all_at_once(held_up: float) -> None:
    rate = MessageRate(100)
    rate.start(0.0)
    assert all(rate.chunk(number * 0.02) for number in range(500))
    late = int(held_up * 50)
    assert all(rate.chunk(10.0 + held_up) for _ in range(late))
    assert all(rate.chunk(10.0 + held_up + number * 0.02) for number in range(500))


def test_what_was_not_owed_is_dropped_all_the_same() -> None:
    rate = MessageRate(100)
    rate.start(5.0)
    assert [rate.chunk(5.0) for _ in range(150)].count(True) == 100
    assert [rate.chunk(100.0) for _ in range(1000)].count(True) == 500
    assert [rate.chunk(101.0) for _ in range(1000)].count(True) == 100


def test_sustained_excess_is_a_flood() -> None:
    rate = MessageRate(100)
    seconds = next(second for second in range(1000) if _a_second_of(rate, second, 150) and rate.flooded)
    assert PATIENCE_SECONDS < seconds < 5 * PATIENCE_SECONDS


def _a_second_of(rate: MessageRate, second: int, chunks: int) -> bool:
    for number in range(chunks):
        rate.chunk(second + number / chunks)
    return True


def test_the_marks_of_a_flushed_reply_are_no_flood() -> None:
    rate = MessageRate(100)
    assert all(rate.other(3.0) for _ in range(600))
    assert not rate.flooded


def test_quiet_lines_say_how_many_were_not_written() -> None:
    quietly = Quietly(lines_a_minute=2)
    assert [quietly.suffix(0.0) for _ in range(5)] == ["", "", None, None, None]
    assert quietly.suffix(30.0) == " (3 more like this were not logged)"


def test_a_stranger_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    quiet = QuietLog(logging.getLogger("tests.quiet"))
    for number in range(1000):
        quiet.warning("refused %s", number)
    assert 30 <= len(caplog.records) <= 40
    assert caplog.records[0].getMessage() == "refused 0"


def test_a_librarys_warnings_are_few_and_its_errors_all_pass() -> None:
    quiet = QuietFilter()

    def passed(level: int) -> int:
        records = [logging.LogRecord("x", level, "", 0, "oh", (), None) for _ in range(100)]
        return sum(quiet.filter(record) for record in records)

    assert 30 <= passed(logging.WARNING) <= 40
    assert passed(logging.ERROR) == 100
