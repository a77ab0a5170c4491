"""What was said against what was written down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.simulator.evaluation.words import digits, ends_apart, understood, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Three o'clock p.m.", ["three", "oclock", "pm"]),
        ("3 o’clock PM", ["three", "oclock", "pm"]),
        ("To-morrow, at 15:30.", ["to", "morrow", "at", "15", "30"]),
        ("…", []),
    ],
)
def test_words_are_compared_without_their_spelling(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("five five five, zero one", "55501"),
        ("It's 555-01 oh nine.", "5550109"),
        ("double two, triple 0", "22000"),
        ("no number", ""),
    ],
)
def test_digits_are_found_however_they_are_spelled(text: str, found: str) -> None:
    assert digits(text) == found


@pytest.mark.parametrize(
    ("stored", "audible", "apart"),
    [
        ("I can keep notes, reminders", "I can keep notes, reminders", 0),
        ("I can keep notes, reminders", "can keep notes", 1),
        ("I can keep notes", "I can keep notes, reminders, to-dos", -3),
        ("I can keep notes at 3", "I can keep nodes at three", 0),
        ("I can keep notes", "I can keep nodes", 0),
        ("I can", "", 2),
        ("", "I can", -2),
        ("Okay. I've noted: The", "noted the blue, blue, blue,", -1),
        ("the one and the other and", "the one and the other", 1),
    ],
)
def test_the_ends_of_a_cut_line_are_counted_in_words(stored: str, audible: str, apart: int) -> None:
    assert ends_apart(stored, audible) == apart


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=12, unique=True), st.data())
def test_a_line_cut_early_is_short_by_the_words_cut(line: list[str], data: st.DataObject) -> None:
    kept = data.draw(st.integers(1, len(line)))
    assert ends_apart(" ".join(line[:kept]), " ".join(line)) == kept - len(line)
    assert ends_apart(" ".join(line), " ".join(line[:kept])) == len(line) - kept


def test_the_part_understood_counts_words_in_their_order() -> None:
    assert understood("Remind me to call Anna.", "remind me to call Emma") == 0.8
    assert understood("", "anything") == 1.0
