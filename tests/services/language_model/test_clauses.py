from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.language_model.clauses import Clauses, split


def test_a_sentence_is_a_clause_as_soon_as_the_next_begins() -> None:
    clauses = Clauses()
    assert clauses.feed("Okay.") == []
    assert clauses.feed(" I'll") == ["Okay."]
    assert clauses.flush() == ["I'll"]


def test_the_first_clause_may_end_at_a_comma() -> None:
    assert split("I'll remind you to call Anna, tomorrow at four. Is that right?") == [
        "I'll remind you to call Anna,",
        "tomorrow at four.",
        "Is that right?",
    ]


def test_later_clauses_stay_whole_sentences() -> None:
    assert split("Okay. I have a note, a todo, and a reminder for you.")[1] == (
        "I have a note, a todo, and a reminder for you."
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "It costs 3.5 dollars.",
        "Meet Dr. Smith today.",
        "Call at 12:30 please.",
        "At 3 p.m. today.",
        "J. Smith called.",
    ],
)
def test_a_stop_inside_a_sentence_does_not_cut_it(sentence: str) -> None:
    assert split(sentence) == [sentence]


def test_punctuation_alone_is_not_spoken() -> None:
    assert split("... !") == []


@given(st.lists(st.text(st.sampled_from("ab1.,!? \n"), max_size=30), max_size=10))
def test_no_word_is_lost_or_doubled_however_the_text_comes(parts: list[str]) -> None:
    clauses = Clauses()
    spoken = [clause for part in parts for clause in clauses.feed(part)] + clauses.flush()
    words = [c for c in "".join(parts) if c.isalnum()]
    assert [c for c in "".join(spoken) if c.isalnum()] == words


@given(st.text(st.sampled_from("ab1., "), max_size=60))
def test_clauses_do_not_depend_on_how_the_text_was_split_by_the_model(text: str) -> None:
    clauses = Clauses()
    one_by_one = [clause for character in text for clause in clauses.feed(character)] + clauses.flush()
    assert "".join(one_by_one).replace(" ", "") == "".join(split(text)).replace(" ", "")
