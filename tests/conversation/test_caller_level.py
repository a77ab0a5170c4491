from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.conversation.caller_level import CallerLevel

USUAL = 1e6
SOFTER = USUAL / 100
"""20 dB."""


def speaks(level: CallerLevel, power: float, *, frames: int = 40, over_the_agent: bool = False) -> None:
    for _ in range(frames):
        level.hear(power)
    level.ended(over_the_agent=over_the_agent)


def test_before_the_caller_has_spoken_a_voice_as_loud_as_on_telephones_is_theirs() -> None:
    assert not CallerLevel().is_anothers(USUAL / 8)
    assert CallerLevel().is_anothers(SOFTER)


def test_a_caller_who_speaks_softly_from_the_beginning_is_taken_for_one() -> None:
    level = CallerLevel()
    speaks(level, SOFTER)
    assert not level.is_anothers(SOFTER)


def test_a_voice_20_db_softer_than_the_caller_is_anothers_and_one_12_db_softer_is_not() -> None:
    level = CallerLevel()
    speaks(level, USUAL)
    assert level.is_anothers(SOFTER)
    assert not level.is_anothers(USUAL / 16)


def test_of_a_voice_that_has_hardly_begun_one_12_db_softer_may_be_anothers() -> None:
    level = CallerLevel()
    assert not level.is_anothers(USUAL / 8, frames=2)  # nobody was heard to compare it with
    speaks(level, USUAL)
    assert level.is_anothers(USUAL / 16, frames=2)
    assert not level.is_anothers(USUAL / 16, frames=9)
    assert not level.is_anothers(USUAL / 6, frames=2)


def test_a_caller_who_moves_away_from_the_telephone_is_followed() -> None:
    level = CallerLevel()
    speaks(level, USUAL)
    for _ in range(8):
        speaks(level, SOFTER)
    assert not level.is_anothers(SOFTER)


def test_one_shout_does_not_make_the_caller_anothers() -> None:
    level = CallerLevel()
    speaks(level, USUAL)
    speaks(level, USUAL * 1000)
    assert not level.is_anothers(USUAL / 8)


def test_what_is_said_over_the_agent_and_what_is_too_short_teach_nothing() -> None:
    level = CallerLevel()
    speaks(level, USUAL * 100, over_the_agent=True)
    speaks(level, USUAL * 100, frames=3)
    assert not level.is_anothers(USUAL)


@given(st.lists(st.floats(1.0, 1e9), min_size=1, max_size=20))
def test_the_caller_as_loud_as_ever_is_never_taken_for_anothers(powers: list[float]) -> None:
    level = CallerLevel()
    for power in powers:
        speaks(level, power)
    assert not level.is_anothers(max(powers))
