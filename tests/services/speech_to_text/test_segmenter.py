"""The segmenter by example, a character a window: `.` silence, `v` voice; and what holds for all input."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.samples import WINDOW
from app.services.speech_to_text.interface import SpeechEnded, SpeechStarted
from app.services.speech_to_text.segmenter import (
    SAMPLES_PER_MS,
    WINDOW_MS,
    Decision,
    Endpointing,
    Finish,
    Guess,
    Segmenter,
    Window,
)

NUMBERS = Endpointing()
SILENCE = Window(0.02, 0.001)
VOICE = Window(0.98, 0.1)
PAUSE = "." * (NUMBERS.final // WINDOW_MS + 1)


def hear(sounds: str, segmenter: Segmenter | None = None) -> list[Decision]:
    segmenter = segmenter or Segmenter()
    windows = [VOICE if sound == "v" else SILENCE for sound in sounds]
    return [decision for window in windows for decision in segmenter.hear(window)]


def only(decisions: list[Decision], kind: type[Decision]) -> list[Decision]:
    return [decision for decision in decisions if isinstance(decision, kind)]


def finishes(decisions: list[Decision]) -> list[Finish]:
    return [decision for decision in decisions if isinstance(decision, Finish)]


def test_silence_decides_nothing() -> None:
    assert hear("." * 1000) == []


def test_speech_starts_with_the_fourth_window_and_is_dated_to_the_first() -> None:
    segmenter = Segmenter()
    assert hear("." * 10 + "vvv", segmenter) == []
    assert hear("v", segmenter) == [SpeechStarted(10 * WINDOW_MS, words_follow=True)]


def test_a_gap_in_the_onset_is_forgiven() -> None:
    assert hear("..vv.vv") == [SpeechStarted(2 * WINDOW_MS, words_follow=True)]


def test_a_click_starts_nothing() -> None:
    assert hear("..vvv.......vvv......") == []


def test_an_utterance_ends_after_its_silence_and_is_dated_to_the_last_voice() -> None:
    decisions = hear("." * 20 + "v" * 20 + PAUSE)
    assert only(decisions, SpeechEnded) == [SpeechEnded(40 * WINDOW_MS, words_follow=True)]
    [finish] = finishes(decisions)
    assert (finish.started_ms, finish.ended_ms) == (20 * WINDOW_MS, 40 * WINDOW_MS)


def test_an_utterance_takes_the_preroll_along() -> None:
    [finish] = finishes(hear("." * 20 + "v" * 20 + PAUSE))
    assert finish.start == 20 * WINDOW - NUMBERS.preroll * SAMPLES_PER_MS


def test_the_first_utterance_of_a_stream_may_have_less_preroll() -> None:
    [finish] = finishes(hear("v" * 20 + PAUSE))
    assert finish.start == 0


def test_interims_of_a_long_utterance_come_less_often() -> None:
    ends = [decision.end // SAMPLES_PER_MS for decision in hear("v" * 400) if isinstance(decision, Guess)]
    pauses = [after - before for before, after in pairwise(ends)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(0.4 * ends[-2], abs=WINDOW_MS)


def test_interims_come_after_600_ms_and_then_every_second() -> None:
    guesses = [decision.end // SAMPLES_PER_MS for decision in hear("v" * 100) if isinstance(decision, Guess)]
    assert guesses == [608, 1632, 2656]


def test_silence_is_decoded_once_as_if_it_were_the_end_and_that_becomes_the_final() -> None:
    decisions = hear("v" * 15 + PAUSE)
    [guess] = [decision for decision in decisions if isinstance(decision, Guess) and decision.likely_final]
    [finish] = finishes(decisions)
    assert (guess.start, guess.end) == (finish.start, finish.end)
    assert guess.end - 15 * WINDOW == 7 * WINDOW  # the first window at which 200 ms have passed


def test_the_voice_has_stopped_after_200_ms_and_its_words_are_guessed_at_once() -> None:
    segmenter = Segmenter()
    assert hear("v" * 10 + "." * 6, segmenter)[1:] == []
    ended, guess = hear(".", segmenter)
    assert ended == SpeechEnded(10 * WINDOW_MS, words_follow=True)
    assert isinstance(guess, Guess)
    assert guess.likely_final


def test_a_closed_lip_stops_nothing() -> None:
    assert only(hear("v" * 10 + "." * 6 + "v" * 4), SpeechEnded) == []


def test_a_voice_that_goes_on_after_a_pause_starts_again_in_the_same_utterance() -> None:
    segmenter = Segmenter()
    hear("v" * 12 + "." * 15, segmenter)
    assert hear("vv", segmenter) == [SpeechStarted(27 * WINDOW_MS, words_follow=True)]
    ended, guess, finish = hear("v" * 15 + PAUSE, segmenter)
    assert ended == SpeechEnded(44 * WINDOW_MS, words_follow=True)
    assert isinstance(guess, Guess)
    assert isinstance(finish, Finish)
    assert (finish.start, finish.started_ms, finish.ended_ms) == (0, 0, 44 * WINDOW_MS)


def test_a_click_in_a_pause_does_not_make_it_longer() -> None:
    segmenter = Segmenter()
    hear("v" * 12 + "." * 7, segmenter)
    [finish] = hear("....v......." + PAUSE, segmenter)
    assert isinstance(finish, Finish)
    assert finish.end == 19 * WINDOW


def test_speech_without_a_pause_is_cut_where_it_is_quietest_and_goes_on_from_there() -> None:
    segmenter = Segmenter()
    windows = [VOICE] * (NUMBERS.longest // WINDOW_MS + 10)
    gap = len(windows) - 60
    windows[gap - 1 : gap + 2] = [Window(0.9, 0.01)] * 3
    decisions = [decision for window in windows for decision in segmenter.hear(window)]
    [first] = finishes(decisions)
    assert first.end == gap * WINDOW + WINDOW // 2
    assert only(decisions, SpeechEnded) == []
    [second] = finishes(segmenter.finish())
    assert second.start == first.end


def test_the_end_of_the_stream_ends_an_utterance() -> None:
    segmenter = Segmenter()
    hear("v" * 10, segmenter)
    ended, finish = segmenter.finish()
    assert ended == SpeechEnded(10 * WINDOW_MS, words_follow=True)
    assert isinstance(finish, Finish)
    assert finish.end == 10 * WINDOW


def test_the_end_of_the_stream_in_silence_decides_nothing() -> None:
    segmenter = Segmenter()
    hear("v" * 10 + PAUSE, segmenter)
    assert segmenter.finish() == []


heard = st.lists(
    st.tuples(
        st.builds(Window, st.floats(0, 1), st.floats(0, 1)) | st.sampled_from([VOICE, SILENCE]),
        st.integers(1, 500),
    ),
    max_size=30,
).map(lambda runs: [window for window, length in runs for _ in range(length)])


@given(heard)
def test_whatever_is_heard_the_story_is_consistent(windows: list[Window]) -> None:
    segmenter = Segmenter()
    speaking = False
    last_end = 0
    needed_from = 0
    for number, window in enumerate([*windows, None], 1):
        decisions = segmenter.hear(window) if window else segmenter.finish()
        now = min(number, len(windows)) * WINDOW
        for decision in decisions:
            if isinstance(decision, SpeechStarted):
                assert not speaking
                speaking = True
            elif isinstance(decision, SpeechEnded):
                assert speaking
                speaking = False
            else:
                # No audio is decoded for two utterances, none is asked for that was let go of, and none
                # that is not there yet.
                assert last_end <= decision.start < decision.end <= now
                assert decision.start >= needed_from
                assert decision.end - decision.start <= (NUMBERS.longest + NUMBERS.final) * SAMPLES_PER_MS
                if isinstance(decision, Finish):
                    last_end = decision.end
        assert segmenter.needed_from >= needed_from
        needed_from = segmenter.needed_from
    assert not speaking


@given(heard)
def test_nothing_is_decided_before_it_says_so(windows: list[Window]) -> None:
    segmenter = Segmenter()
    undecided_for = 0
    for window in windows:
        undecided_for = max(undecided_for - 1, segmenter.undecided_for)
        assert undecided_for >= 1
        if segmenter.hear(window):
            assert undecided_for == 1


def test_it_can_wait_for_four_windows_in_silence_and_for_none_when_a_voice_may_begin() -> None:
    segmenter = Segmenter()
    waits = [segmenter.undecided_for]
    for sound in "vvvvv......":
        hear(sound, segmenter)
        waits.append(segmenter.undecided_for)
    # Speech starts with the fourth; then the silence of 200 ms after which it may be over is seven windows.
    assert waits == [4, 3, 2, 1, 7, 7, 6, 5, 4, 3, 2, 1]


def test_in_a_pause_it_can_wait_for_two_windows() -> None:
    segmenter = Segmenter()
    hear("v" * 12 + "." * 7, segmenter)
    waits = [segmenter.undecided_for]
    for sound in ".v":
        hear(sound, segmenter)
        waits.append(segmenter.undecided_for)
    assert waits == [2, 2, 1]


@given(heard)
def test_no_voice_between_start_and_end_is_left_out(windows: list[Window]) -> None:
    segmenter = Segmenter()
    decisions = [decision for window in windows for decision in segmenter.hear(window)]
    decisions += segmenter.finish()
    covered = [(finish.start, finish.end) for finish in finishes(decisions)]
    starts = [decision.at_ms for decision in decisions if isinstance(decision, SpeechStarted)]
    ends = [decision.at_ms for decision in decisions if isinstance(decision, SpeechEnded)]
    for began, ended in zip(starts, ends, strict=True):
        for position in range(began * SAMPLES_PER_MS, ended * SAMPLES_PER_MS, WINDOW // 2):
            assert any(start <= position < end for start, end in covered)
