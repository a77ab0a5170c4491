"""What the network says of where a turn may end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.conversation.turn_end import BUCKETS, Network, chance_of_end

UNLIKELY, LIKELY = 0.2, 0.75
WORDS = st.lists(st.text(st.characters(exclude_categories=["Cs", "Z"]), min_size=1, max_size=12), max_size=60)


def chance(text: str) -> float:
    return chance_of_end(tuple(text.split()))


@given(WORDS)
def test_any_words_have_a_chance(words: list[str]) -> None:
    assert 0 <= chance_of_end(tuple(words)) <= 1


def test_nothing_said_is_no_turn() -> None:
    assert chance_of_end(()) == 0


@pytest.mark.parametrize(
    ("whole", "half"),
    [
        ("remind me to call the dentist tomorrow", "remind me to call the"),
        ("i'd like to book a table for two people tonight", "i'd like to book a table for two people at the"),
        ("can you tell me how much money i have in my savings account", "can you tell me how much"),
        ("i want to know when my new card will arrive", "i want to know when my"),
        ("what will the weather be like in boston on friday", "what will the weather be like in"),
    ],
)
def test_a_whole_turn_is_likelier_over_than_half_of_one(whole: str, half: str) -> None:
    assert chance(whole) > LIKELY
    assert chance(half) < UNLIKELY


@pytest.mark.parametrize("name", ["kowalski", "wojciechowski", "okonkwo", "brzezinska"])
def test_words_that_it_does_not_know_do_not_matter_much(name: str) -> None:
    assert chance(f"please remind me to call mister {name} tomorrow") > LIKELY
    assert chance(f"please remind me to call mister {name} about the") < UNLIKELY


def test_a_turn_without_end_is_judged_by_its_last_words() -> None:
    said = "and then we went to the shop and bought some more " * 20
    assert chance(said + "remind me to call the dentist tomorrow") > LIKELY
    assert chance(said + "remind me to call the") < UNLIKELY


def test_the_numbers_of_a_shape_are_one_word() -> None:
    network = Network.load()
    assert network.row("14:38") == network.row("29:57") != network.row("9:57")
    assert network.row("brzezinska") == network.row("kowalinska")


def test_every_word_has_a_row_of_its_own_or_a_bucket() -> None:
    network = Network.load()
    assert sorted(network.vocabulary.values()) == list(range(len(network.vocabulary)))
    assert len(network.embedding) == len(network.vocabulary) + 2 * BUCKETS


def test_what_is_saved_judges_the_same(tmp_path: Path) -> None:
    network = Network.load()
    network.save(tmp_path / "again.npz")
    words = ["put", "that", "in", "my", "calendar"]
    again = Network.load(tmp_path / "again.npz")
    np.testing.assert_array_equal(again.chances(words), network.chances(words))
