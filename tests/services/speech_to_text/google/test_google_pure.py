"""The decisions behind the streams, by example and by property: a recogniser over a timeline of words."""

from __future__ import annotations

import pytest
from grpc import StatusCode as Code
from hypothesis import given
from hypothesis import strategies as st

from app.services.speech_to_text.google.faults import Failure, Fault, Patience, failure
from app.services.speech_to_text.google.overlap import Ledger, text_after
from app.services.speech_to_text.google.requests import Result, Word, dialect
from app.services.speech_to_text.google.rollover import Limits, Timeline, trusted
from app.settings import load_settings


@pytest.mark.parametrize(
    ("code", "message", "fault"),
    [
        (Code.ABORTED, "Max duration of 5 minutes reached for stream.", Fault.TOO_OLD),
        (Code.OUT_OF_RANGE, "Exceeded maximum allowed stream duration of 305 seconds.", Fault.TOO_OLD),
        (Code.OUT_OF_RANGE, "Audio Timeout Error: Long duration elapsed without audio.", Fault.IDLE),
        (Code.ABORTED, "Stream timed out after receiving no more client requests.", Fault.IDLE),
        (Code.INVALID_ARGUMENT, "Audio Timeout Error: Long duration elapsed without audio.", Fault.IDLE),
        (Code.ABORTED, "", Fault.PASSING),
        (Code.UNAVAILABLE, "", Fault.PASSING),
        (Code.DEADLINE_EXCEEDED, "", Fault.PASSING),
        (Code.INTERNAL, "", Fault.PASSING),
        (Code.INTERNAL, "Internal error from Core", Fault.UNTOLD),
        (Code.CANCELLED, "", Fault.PASSING),
        (Code.UNKNOWN, "", Fault.PASSING),
        (Code.RESOURCE_EXHAUSTED, "", Fault.QUOTA),
        (Code.PERMISSION_DENIED, "", Fault.FATAL),
        (Code.UNAUTHENTICATED, "", Fault.FATAL),
        (Code.NOT_FOUND, "", Fault.FATAL),
        (Code.INVALID_ARGUMENT, "bad model", Fault.FATAL),
        (Code.PERMISSION_DENIED, "max duration", Fault.FATAL),
    ],
)
def test_a_status_is_judged_by_text_before_code(code: Code, message: str, fault: Fault) -> None:
    assert failure(code, message).fault is fault


@pytest.mark.parametrize("api", ["v1", "v2"])
def test_an_interim_is_as_stable_as_its_least_certain_part(api: str) -> None:
    google = dialect(load_settings(google_speech_api=api), "a-project")
    parts = [("call me", 0.9), (" at ten", 0.01)]
    results = [{"alternatives": [{"transcript": text}], "stability": stability} for text, stability in parts]
    [interim] = google.parse(google.response(results=results).SerializeToString())
    assert isinstance(interim, Result)
    assert interim.text == "call me at ten"
    assert interim.stability == pytest.approx(0.01)


def attempts(patience: Patience, fault: Fault, now: float = 100.0) -> list[float]:
    """The delays before a server that never works is given up."""
    delays: list[float] = []
    failed = Failure(fault, "")
    while (delay := patience.failed(failed, now, opened=now, connected=now, progressed=False)) is not None:
        delays.append(delay)
        now += delay
    return delays


@pytest.mark.parametrize("fault", [f for f in Fault if f is not Fault.FATAL])
@given(seconds=st.floats(0.5, 30), jitter=st.floats(0, 1))
def test_patience_ends_in_time_and_delays_grow(fault: Fault, seconds: float, jitter: float) -> None:
    delays = attempts(Patience(seconds, lambda: jitter), fault)
    assert sum(delays) < seconds
    assert len(delays) < 12
    assert delays == sorted(delays)


def test_what_is_only_old_or_idle_is_replaced_at_once() -> None:
    for fault in (Fault.TOO_OLD, Fault.IDLE):
        failed = Failure(fault, "")
        assert Patience(2.5).failed(failed, 300.0, opened=0.0, connected=0.0, progressed=False) == 0


def test_a_stream_that_worked_renews_patience() -> None:
    patience = Patience(1.0, lambda: 1.0)
    assert attempts(patience, Fault.PASSING)
    delay = patience.failed(Failure(Fault.PASSING, ""), 500.0, opened=100.0, connected=100.0, progressed=True)
    assert delay == pytest.approx(0.1)


def test_time_spent_without_a_connection_is_no_work() -> None:
    patience = Patience(1.0)
    failed = Failure(Fault.PASSING, "")
    assert patience.failed(failed, 2.0, opened=0.0, connected=None, progressed=False) is None


def test_what_will_not_get_better_is_not_tried_again() -> None:
    failed = Failure(Fault.FATAL, "")
    assert Patience(60).failed(failed, 0.0, opened=0.0, connected=0.0, progressed=True) is None


QUOTA, LOST = Failure(Fault.QUOTA, "Quota exceeded"), Failure(Fault.UNTOLD, "Internal error from Core")


@pytest.mark.parametrize(
    ("failures", "reason"),
    [
        ([QUOTA], QUOTA.reason),
        ([QUOTA, LOST], QUOTA.reason),
        ([LOST, QUOTA, LOST, LOST], QUOTA.reason),
        ([LOST], LOST.reason),
    ],
)
def test_the_reason_is_the_last_one_that_was_told(failures: list[Failure], reason: str) -> None:
    patience = Patience(60)
    for failed in failures:
        patience.failed(failed, 0.0, opened=0.0, connected=0.0, progressed=False)
    assert patience.reason == reason


def test_the_reason_of_a_failure_before_a_stream_that_worked_is_not_told_again() -> None:
    patience = Patience(60)
    patience.failed(QUOTA, 0.0, opened=0.0, connected=0.0, progressed=False)
    patience.failed(LOST, 9.0, opened=1.0, connected=1.0, progressed=True)
    assert patience.reason == LOST.reason


def test_a_pause_is_waited_for_but_not_for_ever() -> None:
    limits = Limits()
    assert not limits.too_old(239.9, pause=True)
    assert limits.too_old(240.0, pause=True)
    assert not limits.too_old(289.9, pause=False)
    assert limits.too_old(290.0, pause=False)


def test_a_final_at_the_cut_is_left_to_the_next_stream() -> None:
    assert trusted(10_000, None)
    assert trusted(9_500, 10_000)
    assert not trusted(9_600, 10_000)


@given(st.lists(st.tuples(st.sampled_from(["sent", "inserted", "skip"]), st.integers(1, 5000)), max_size=12))
def test_a_timeline_maps_every_byte_sent_to_where_it_was(steps: list[tuple[str, int]]) -> None:
    timeline = Timeline(8000)
    places: list[int] = []  # the call's position of each byte of the stream
    for step, size in steps:
        if step == "sent":
            places += range(timeline.position, timeline.position + size)
            timeline.sent(size)
        elif step == "inserted":
            places += [timeline.position] * size
            timeline.inserted(size)
        else:
            timeline.skip_to(timeline.position + size)
    for offset, place in list(enumerate(places))[:: max(1, len(places) // 50)]:
        assert timeline.call_ms(offset / 8) * 8 == pytest.approx(place)


def result(text: str, start: float, end: float, *, timed: bool) -> Result:
    """Words of equal length."""
    words = text.split()
    step = (end - start) / len(words)
    spans = tuple(Word(w, start + i * step, start + (i + 1) * step) for i, w in enumerate(words))
    return Result(text, end, is_final=True, words=spans if timed else ())


@pytest.mark.parametrize("timed", [True, False])
def test_what_two_streams_heard_counts_once(timed: bool) -> None:
    ledger = Ledger()
    assert ledger.admit(result("remind me", 0, 1000, timed=timed), 0)
    assert ledger.admit(result("Remind me", 20, 990, timed=timed), 0) is None
    both = ledger.admit(result("remind me to call", 0, 2000, timed=timed), 0)
    assert both
    assert both.text == "to call"


def test_the_same_word_said_twice_counts_twice() -> None:
    ledger = Ledger()
    assert ledger.admit(result("yes", 0, 400, timed=False), 0)
    assert ledger.admit(result("yes", 400, 900, timed=False), 400)


def test_an_empty_final_moves_the_clock_on() -> None:
    ledger = Ledger()
    assert ledger.admit(Result("", 5000, is_final=True), 0) is None
    assert ledger.heard_ms == 5000


@pytest.mark.parametrize(
    ("said", "text", "rest"),
    [
        ("remind me", "remind me to call", "to call"),
        ("Remind, me", "remind me", ""),
        ("remind me", "remind her to call", "to call"),
        ("", "call", "call"),
    ],
)
def test_text_goes_on_where_the_words_fit(said: str, text: str, rest: str) -> None:
    assert text_after(said, text) == rest


@st.composite
def timelines(draw: st.DrawFn) -> list[Word]:
    at, words = 0.0, []
    for number in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from([0, 0, 0, 120, 700, 1500]))
        length = draw(st.integers(100, 600))
        words.append(Word(f"w{number}", at, at + length))
        at += length
    return words


@given(timelines(), st.data())
def test_no_sequence_of_finals_rolls_and_faults_loses_or_doubles_a_word(
    timeline: list[Word], data: st.DataObject
) -> None:
    """Legs hear contiguous audio from where the last final ended; finals of two legs come in any order."""
    ledger, told, timed = Ledger(), [], data.draw(st.booleans())

    def finals(begin: float, end: float) -> list[tuple[float, Result]]:
        """What a leg says of some audio: its words, cut into finals anywhere between them."""
        heard = [w for w in timeline if w.start_ms >= begin and w.end_ms <= end]
        said: list[tuple[float, Result]] = []
        since = begin
        while heard:
            size = data.draw(st.integers(1, len(heard)))
            part, heard = heard[:size], heard[size:]
            text = " ".join(w.text for w in part)
            words = tuple(part) if timed else ()
            said.append((since, Result(text, part[-1].end_ms, is_final=True, words=words)))
            since = part[-1].end_ms
        return said

    def take(since: float, final: Result, cut: float | None) -> None:
        if trusted(final.end_ms, cut) and (new := ledger.admit(final, since)):
            told.extend(new.text.split())

    end = timeline[-1].end_ms + 1000
    draining: list[tuple[float, Result]] = []
    cut: float | None = None
    while ledger.heard_ms < timeline[-1].end_ms:
        until = data.draw(st.one_of(st.just(end), st.floats(ledger.heard_ms, end)))
        current = finals(ledger.heard_ms, until)
        keep = data.draw(st.integers(0, len(current))) if until < end else len(current)
        pending, before = current[:keep], cut
        while pending or draining:
            if draining and (not pending or data.draw(st.booleans())):
                take(*draining.pop(0), before)
            else:
                take(*pending.pop(0), None)
        # A fault loses the rest; a roll leaves it to be read while the next leg hears the same.
        draining, cut = (current[keep:], until) if data.draw(st.booleans()) else ([], None)
    assert told == [w.text for w in timeline]
