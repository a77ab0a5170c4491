from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.media_stream.audio import duration_ms
from app.media_stream.playback import MOST_TRIP, Playback
from tests.media_stream.sounds import silence, voice

SENTENCE = "one two three four five"


def spoken(playback: Playback, text: str, ms: int, now: float) -> str:
    playback.begin_clause(text)
    mark = playback.sent(voice(ms), now)
    playback.end_clause()
    return mark


def test_nothing_is_heard_before_it_is_played() -> None:
    playback = Playback()
    spoken(playback, SENTENCE, 1000, now=5.0)
    assert playback.heard(5.0) == ""
    assert playback.unheard(5.0) == SENTENCE


def test_the_clock_tells_how_much_was_heard_between_marks() -> None:
    playback = Playback()
    spoken(playback, SENTENCE, 1000, now=5.0)
    assert playback.heard(5.5) == "one two three"
    assert playback.unheard(5.5) == "four five"


def test_everything_is_heard_once_its_mark_is_back() -> None:
    playback = Playback()
    mark = spoken(playback, SENTENCE, 60_000, now=5.0)
    assert playback.mark(mark, 6.0)
    assert playback.heard(6.0) == SENTENCE
    assert playback.remaining_ms(6.0) == 0


def test_a_mark_corrects_the_clock_when_the_player_is_behind() -> None:
    playback = Playback()
    playback.begin_clause(SENTENCE)
    first = playback.sent(voice(500), 0.0)
    second = playback.sent(voice(1500), 0.0)
    playback.end_clause()
    playback.mark(first, 0.5)
    assert playback.position(0.5) == 500
    playback.mark(second, 3.0)
    assert playback.position(3.0) == 2000
    third = playback.sent(voice(500), 3.0)
    playback.sent(voice(1000), 3.0)
    playback.mark(third, 4.0)  # it played nothing for half a second
    assert playback.position(4.0) == 2500
    assert playback.position(4.1) == pytest.approx(2600)


def test_a_round_trip_is_no_player_that_is_behind() -> None:
    playback = Playback()
    playback.begin_clause(SENTENCE)
    marks = [playback.sent(voice(400), 0.0) for _ in range(5)]
    for place, mark in enumerate(marks[:4], 1):
        playback.mark(mark, place * 0.4 + 0.08)
        # What has been played when a clear sent now arrives, 40 ms after it.
        assert playback.position(place * 0.4 + 0.08) == pytest.approx(place * 400 + 80)


def test_a_mark_that_comes_early_is_believed() -> None:
    playback = Playback()
    playback.begin_clause(SENTENCE)
    mark = playback.sent(voice(500), 0.0)
    playback.sent(voice(500), 0.0)
    playback.mark(mark, 0.3)
    assert playback.position(0.4) == pytest.approx(600)


def test_a_player_that_is_very_late_is_taken_for_one_that_is_behind() -> None:
    playback = Playback()
    playback.begin_clause(SENTENCE)
    mark = playback.sent(voice(500), 0.0)
    playback.sent(voice(500), 0.0)
    playback.mark(mark, 0.9)
    assert playback.position(0.9) == pytest.approx(500 + MOST_TRIP * 1000)


def test_a_lost_mark_is_bridged_by_the_clock() -> None:
    playback = Playback()
    spoken(playback, SENTENCE, 1000, now=0.0)
    assert playback.heard(1.1) == SENTENCE


def test_a_pause_between_pieces_is_no_playing_time() -> None:
    playback = Playback()
    spoken(playback, "one two", 100, now=0.0)
    spoken(playback, "three four", 1000, now=10.0)
    assert playback.heard(10.5) == "one two three"


def test_marks_that_come_back_after_a_clear_are_not_heard() -> None:
    playback = Playback()
    mark = spoken(playback, SENTENCE, 1000, now=0.0)
    playback.clear()
    assert not playback.mark(mark, 0.1)
    assert playback.heard(0.1) == ""


def test_unknown_and_repeated_marks_change_nothing() -> None:
    playback = Playback()
    mark = spoken(playback, SENTENCE, 1000, now=0.0)
    assert not playback.mark("never sent", 0.5)
    assert playback.mark(mark, 1.0)
    assert not playback.mark(mark, 1.1)


def test_a_later_mark_vouches_for_those_before_it() -> None:
    playback = Playback()
    playback.begin_clause(SENTENCE)
    first, second = playback.sent(voice(100), 0.0), playback.sent(voice(100), 0.0)
    assert playback.mark(second, 0.2)
    assert not playback.mark(first, 0.3)
    assert not playback.marks_pending


def test_a_clause_still_being_made_is_heard_at_the_pace_of_speech() -> None:
    playback = Playback()
    playback.begin_clause("word " * 30)
    playback.sent(voice(300), 0.0)
    assert playback.heard(0.3) == "word"


def test_the_pace_of_a_voice_is_learned_from_what_it_has_spoken() -> None:
    def heard_after_a_second(ms_a_word: int) -> int:
        playback = Playback()
        spoken(playback, "word " * 30, 30 * ms_a_word, now=0.0)
        playback.settle()
        playback.begin_clause("word " * 30)
        playback.sent(voice(1200), 100.0)
        return len(playback.heard(101.0).split())

    assert heard_after_a_second(100) > heard_after_a_second(250) > heard_after_a_second(400)


def test_silence_before_the_voice_is_no_word() -> None:
    playback = Playback()
    playback.begin_clause("one two")
    playback.sent(silence(400) + voice(200), 0.0)
    assert playback.heard(0.4) == ""
    playback.sent(voice(200) + silence(300), 0.0)
    playback.end_clause()
    assert playback.heard(0.4) == ""
    assert playback.heard(0.6) == "one"
    assert playback.heard(0.8) == "one two"


def test_nothing_is_heard_while_the_voice_has_not_begun() -> None:
    playback = Playback()
    playback.begin_clause("one two")
    playback.sent(silence(1000), 0.0)
    assert playback.heard(1.0) == ""


def test_a_date_in_figures_takes_its_time() -> None:
    playback = Playback()
    spoken(playback, "Call Anna on November 22nd, at 5 PM.", 2700, now=0.0)
    # By its characters, the "22nd" would begin at 1.6 s; a voice says "at" after 1.9 s.
    assert playback.heard(1.55) == "Call Anna on November"
    assert playback.heard(1.85) == "Call Anna on November 22nd,"


def test_a_clause_that_could_not_be_spoken_was_not_heard() -> None:
    playback = Playback()
    playback.begin_clause("silence")
    playback.end_clause()
    spoken(playback, "sound", 100, now=0.0)
    assert playback.heard(9.0) == "sound"


def test_settling_forgets_the_text_but_not_the_audio() -> None:
    playback = Playback()
    spoken(playback, "one", 1000, now=0.0)
    playback.settle()
    assert playback.heard(1.0) == ""
    assert playback.remaining_ms(0.4) == 600


def test_a_clause_that_was_cleared_leaves_the_next_ones_whole() -> None:
    playback = Playback()
    flushed = spoken(playback, SENTENCE, 1000, now=0.0)
    playback.clear()
    mark = spoken(playback, "something else", 1000, now=0.2)
    assert not playback.mark(flushed, 0.25)
    assert playback.heard(0.3) == ""
    assert playback.mark(mark, 1.2)
    assert playback.heard(1.2) == "something else"


pieces = st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 5000), st.booleans()), max_size=30)


@given(pieces)
def test_the_position_never_passes_what_was_sent_nor_goes_back_without_a_mark(
    steps: list[tuple[int, int, bool]],
) -> None:
    playback, now, sent, last = Playback(), 0.0, 0, 0.0
    for ms, wait, marks in steps:
        playback.begin_clause("a few words")
        mark = playback.sent(voice(ms), now)
        playback.end_clause()
        sent += ms
        now += wait / 1000
        assert last <= playback.position(now) <= sent
        if marks:
            playback.mark(mark, now)
            assert playback.position(now) == sent
        last = playback.position(now)


@given(
    st.lists(st.text("abc ", min_size=1, max_size=40).filter(str.strip), max_size=8), st.integers(0, 20_000)
)
def test_heard_and_unheard_make_up_the_text(texts: list[str], at_ms: int) -> None:
    playback = Playback()
    for text in texts:
        spoken(playback, text, 1000, now=0.0)
    now = at_ms / 1000
    whole = " ".join(" ".join(texts).split())
    assert " ".join(f"{playback.heard(now)} {playback.unheard(now)}".split()) == whole


audio = st.lists(st.tuples(st.integers(0, 700), st.integers(0, 300)), min_size=1, max_size=6).map(
    lambda parts: b"".join(voice(spoken) + silence(quiet) for spoken, quiet in parts)
)
texts = st.lists(
    st.sampled_from(["Anna,", "at", "5", "PM.", "November", "22nd,", "…", "日本", "Dr."]), min_size=1
)


@given(texts, st.lists(audio, min_size=1, max_size=4), st.booleans())
def test_what_is_heard_grows_with_time(words: list[str], pieces: list[bytes], ends: bool) -> None:
    playback = Playback()
    playback.begin_clause(" ".join(words))
    for piece in pieces:
        playback.sent(piece, 0.0)
    if ends:
        playback.end_clause()
    counts = [len(playback.heard(at / 8).split()) for at in range(220)]
    assert counts == sorted(counts)
    is_sent = any(map(duration_ms, pieces))
    assert counts[-1] == len(words) or not (ends and is_sent)
