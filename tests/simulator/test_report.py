"""The measurements of a call."""

from __future__ import annotations

from app.simulator.listening import Span, voice_span, voiced_spans
from app.simulator.report import measure_turns
from app.simulator.script import Utterance
from tests.simulator.agent_server import YES, tone

SILENCE = b"\xff"


def test_stretches_of_speech_are_found_and_short_gaps_belong_to_them() -> None:
    track = SILENCE * 1600 + tone(0.5) + SILENCE * 1600 + tone(0.5) + SILENCE * 8000 + tone(0.2)
    assert voiced_spans(track) == [Span(200, 1400), Span(2400, 2600)]


def test_a_recordings_noise_is_not_its_voice() -> None:
    span = voice_span(YES)
    assert 240 <= span.start_ms <= 360
    assert 700 <= span.end_ms <= 900


def test_a_recording_without_a_voice_counts_as_a_whole() -> None:
    assert voice_span(SILENCE * 1600) == Span(0, 200)


def test_an_answer_is_measured_from_voice_to_voice() -> None:
    (turn,) = measure_turns([Utterance("hi", Span(1000, 2000))], [Span(0, 900), Span(2700, 4000)], [])
    assert turn.answer_ms == 700
    assert not turn.interrupting


def test_an_interruption_is_measured_to_the_first_clear_after_it() -> None:
    (turn,) = measure_turns(
        [Utterance("no", Span(1000, 2000))], [Span(0, 1300), Span(2500, 3000)], [400.0, 1250.4]
    )
    assert turn.interrupting
    assert turn.clear_ms == 250
    assert turn.answer_ms == 500


def test_an_utterance_that_was_followed_by_another_has_no_answer() -> None:
    first, second = measure_turns(
        [Utterance("a", Span(0, 500)), Utterance("b", Span(800, 1200))], [Span(1500, 2000)], []
    )
    assert first.answer_ms is None
    assert second.answer_ms == 300


def test_speech_that_goes_on_over_the_caller_is_no_answer() -> None:
    (turn,) = measure_turns([Utterance("no", Span(1000, 2000))], [Span(0, 9000)], [])
    assert turn.answer_ms is None
    assert turn.clear_ms is None
