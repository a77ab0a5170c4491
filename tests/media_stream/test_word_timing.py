from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.media_stream.word_timing import MOST_PAUSES, Loudness, Span, word_times
from tests.media_stream.sounds import silence, voice


def stretches(*pieces: bytes) -> list[Span]:
    loudness = Loudness()
    for piece in pieces:
        loudness.feed(piece)
    return loudness.stretches()


def test_the_voice_is_found_between_silences() -> None:
    audio = silence(200) + voice(300) + silence(160) + voice(100) + silence(400)
    assert stretches(audio) == [(200, 500), (660, 760)]


def test_a_consonants_closure_is_no_pause() -> None:
    assert stretches(voice(100) + silence(80) + voice(100)) == [(0, 280)]


def test_silence_has_no_voice() -> None:
    assert stretches(silence(400)) == []
    assert stretches() == []


def test_how_audio_is_cut_into_pieces_makes_no_difference() -> None:
    audio = voice(310) + silence(170) + voice(130)
    pieces = [audio[at : at + 333] for at in range(0, len(audio), 333)]
    assert stretches(*pieces) == stretches(audio)


def test_only_the_longest_pauses_are_used() -> None:
    audio = b"".join(voice(100) + silence(120 + 20 * place) for place in range(20))
    found = stretches(audio)
    assert len(found) == MOST_PAUSES + 1
    assert found[0].start == 0
    assert found[-1].end - found[-1].start == 100


def test_a_pause_is_laid_on_the_comma() -> None:
    words = ["Call", "Anna", "tomorrow,", "Sunday", "November", "22nd"]
    times = word_times(words, [Span(0, 1000), Span(1200, 2900)], 1.0, whole=True)
    assert times[2].end == pytest.approx(1000)
    assert times[3].start == 1200
    assert times[-1].end == pytest.approx(2900)


def test_a_pause_without_a_comma_is_laid_where_the_lengths_fit_best() -> None:
    words = ["four"] * 8
    times = word_times(words, [Span(0, 600), Span(800, 1800)], 1.0, whole=True)
    assert times[2].end == pytest.approx(600)
    assert times[3].start == 800


def test_a_pause_within_a_word_belongs_to_it() -> None:
    times = word_times(["5550142"], [Span(0, 900), Span(1100, 2000)], 1.0, whole=True)
    assert times == [(0, 2000)]


def test_words_not_yet_made_are_expected_at_the_pace() -> None:
    words = ["four"] * 10
    made = word_times(words, [Span(0, 300)], 1.0, whole=False)
    slower = word_times(words, [Span(0, 300)], 1.5, whole=False)
    assert made[-1].end > 300
    assert slower[-1].end == pytest.approx(1.5 * made[-1].end)


def test_of_a_clause_in_the_making_the_pauses_known_tell_which_words_are_spoken() -> None:
    words = ["Your", "flight", "leaves,", "from", "gate", "B", "22,", "and", "boarding", "begins"]
    times = word_times(words, [Span(0, 900), Span(1200, 1500)], 1.0, whole=False)
    assert times[2].end == pytest.approx(900)
    assert times[3].start == 1200


spans = st.lists(st.tuples(st.integers(100, 900), st.integers(20, 2000)), min_size=1, max_size=9).map(
    lambda parts: [
        Span(sum(map(sum, parts[:place])) + pause, sum(map(sum, parts[: place + 1])))
        for place, (pause, _) in enumerate(parts)
    ]
)
texts = st.lists(
    st.sampled_from(["Anna,", "at", "5", "PM.", "November", "22nd,", "…"]), min_size=1, max_size=25
)


@given(texts, spans, st.floats(0.5, 2.0), st.booleans())
def test_the_words_follow_each_other_from_the_first_sound_to_the_last(
    words: list[str], voice: list[Span], pace: float, whole: bool
) -> None:
    times = word_times(words, voice, pace, whole=whole)
    assert len(times) == len(words)
    assert times[0].start == voice[0].start
    assert all(before.end <= after.start + 1e-6 for before, after in pairwise(times))
    assert all(time.start <= time.end for time in times)
    assert times[-1].end >= voice[-1].end - 1e-6
    if whole:
        assert abs(times[-1].end - voice[-1].end) < 1e-6
