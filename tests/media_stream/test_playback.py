from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.media_stream.playback import Playback

SENTENCE = "one two three four five"


def spoken(playback: Playback, text: str, ms: float, now: float) -> str:
    playback.begin_clause(text)
    mark = playback.sent(ms, now)
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
    first = playback.sent(500, 0.0)
    playback.sent(500, 0.0)
    playback.end_clause()
    playback.mark(first, 0.9)
    assert playback.position(0.9) == 500
    assert playback.position(1.0) == 600


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
    first, second = playback.sent(100, 0.0), playback.sent(100, 0.0)
    assert playback.mark(second, 0.2)
    assert not playback.mark(first, 0.3)
    assert not playback.marks_pending


def test_a_clause_still_being_made_is_heard_at_the_pace_of_speech() -> None:
    playback = Playback()
    playback.begin_clause("word " * 30)  # 150 characters, 10 s
    playback.sent(400, 0.0)
    assert playback.heard(0.4) == "word"


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


pieces = st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 5000), st.booleans()), max_size=30)


@given(pieces)
def test_the_position_never_passes_what_was_sent_nor_goes_back_without_a_mark(
    steps: list[tuple[int, int, bool]],
) -> None:
    playback, now, sent, last = Playback(), 0.0, 0, 0.0
    for ms, wait, marks in steps:
        playback.begin_clause("a few words")
        mark = playback.sent(ms, now)
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
