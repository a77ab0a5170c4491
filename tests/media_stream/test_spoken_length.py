from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.media_stream.spoken_length import ends_phrase, spoken_ms, syllables, written_out


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("22nd,", "twenty second"),
        ("1st", "first"),
        ("7:30", "seven thirty"),
        ("10:05", "ten oh five"),
        ("9:00", "nine o clock"),
        ("2027.", "twenty twenty seven"),
        ("1,250", "one thousand two hundred fifty"),
        ("0142", "zero one four two"),
        ("12.5", "twelve point five"),
        ("$40", "dollars forty"),
        ("60%", "sixty per cent"),
        ("Dr.", "doctor"),
        ("Wi-Fi", "wi fi"),
        ("Anna", "anna"),
        ("I", "i"),
    ],
)
def test_figures_and_abbreviations_are_written_out_as_a_voice_says_them(word: str, said: str) -> None:
    assert written_out(word) == said


def test_letters_said_one_by_one_are_a_syllable_each() -> None:
    assert sum(syllables(letter) for letter in written_out("PM.").split()) == 2
    assert sum(syllables(letter) for letter in written_out("W").split()) == 3


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("november", 3), ("make", 1), ("table", 2), ("called", 1), ("wanted", 2), ("times", 1), ("boxes", 2),
        ("the", 1), ("okay", 2), ("日本", 2), ("…", 1),
    ],
)  # fmt: skip
def test_syllables_are_told_by_the_spelling(word: str, count: int) -> None:
    assert syllables(word) == count


@pytest.mark.parametrize("word", ["tomorrow,", "PM.", "noted:", 'right?"', "well…"])
def test_punctuation_ends_a_phrase(word: str) -> None:
    assert ends_phrase(word)


@pytest.mark.parametrize("word", ["tomorrow", "Dr.", "7:30", "don't"])
def test_an_abbreviation_does_not_end_a_phrase(word: str) -> None:
    assert not ends_phrase(word)


@given(st.text(min_size=1).filter(str.strip))
def test_every_word_has_a_length(text: str) -> None:
    for word in text.split():
        assert 0 <= spoken_ms(word) < 100_000


@given(st.text("0123456789.,:-$%stndPM", min_size=1, max_size=30))
def test_every_figure_has_a_length(word: str) -> None:
    assert spoken_ms(word) >= 0
