from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.conversation.keys import END_SECONDS, MOST_KEYS, OPERATOR, Keys, as_words

NUMBERS = st.text("0123456789*", min_size=1, max_size=MOST_KEYS - 1)


def keyed(keys: Keys, digits: str, now: float = 0.0) -> list[str]:
    """The entries that these keys end, a second apart."""
    entries = [keys.press(digit, now + second) for second, digit in enumerate(digits)]
    return [entry for entry in entries if entry is not None]


@given(NUMBERS)
def test_a_hash_ends_an_entry(number: str) -> None:
    assert keyed(Keys(operator=False), f"{number}#") == [number]


@given(st.lists(NUMBERS, max_size=5))
def test_entries_follow_each_other(numbers: list[str]) -> None:
    assert keyed(Keys(operator=False), "".join(f"{number}#" for number in numbers)) == numbers


@given(NUMBERS, st.floats(0, END_SECONDS - 0.01))
def test_an_entry_without_hash_ends_three_seconds_after_its_last_key(number: str, early: float) -> None:
    keys = Keys(operator=False)
    assert keyed(keys, number) == []
    last = len(number) - 1
    assert keys.tick(last + early) is None
    assert keys.tick(last + END_SECONDS) == number
    assert keys.tick(last + 2 * END_SECONDS) is None


def test_the_deadline_is_there_while_an_entry_is_keyed_in() -> None:
    keys = Keys(operator=False)
    deadlines = [keys.deadline]
    for second, key in enumerate("12#"):
        keys.press(key, second)
        deadlines.append(keys.deadline)
    assert deadlines == [None, END_SECONDS, 1 + END_SECONDS, None]


def test_a_hash_alone_is_no_entry() -> None:
    keys = Keys(operator=True)
    assert keyed(keys, "##") == []
    assert keys.deadline is None


def test_zero_alone_asks_for_a_person_at_once() -> None:
    keys = Keys(operator=True)
    assert keys.press("0", 0.0) == OPERATOR
    assert keys.deadline is None


def test_zero_is_a_digit_where_there_is_nobody_to_ask_for() -> None:
    assert keyed(Keys(operator=False), "0#") == ["0"]


def test_zero_within_an_entry_is_a_digit() -> None:
    assert keyed(Keys(operator=True), "40#") == ["40"]


@given(st.text(max_size=3).filter(lambda key: key not in tuple("0123456789*ABCD#")))
def test_what_is_no_key_changes_nothing(key: str) -> None:
    keys = Keys(operator=True)
    assert keyed(keys, "12") == []
    assert keys.press(key, 9.0) is None
    assert keyed(keys, "3#") == ["123"]


@given(st.text("0123456789*#", max_size=5 * MOST_KEYS))
def test_nothing_keyed_is_lost_or_doubled_and_no_entry_is_longer_than_the_longest(digits: str) -> None:
    keys = Keys(operator=False)
    entries = keyed(keys, digits)
    rest = keys.tick(float("inf"))
    assert "".join([*entries, rest or ""]) == digits.replace("#", "")
    assert all(0 < len(entry) <= MOST_KEYS for entry in entries)


@pytest.mark.parametrize(("entry", "words"), [("4711", "(keys: 4711)"), ("*9", "(keys: *9)")])
def test_an_entry_is_a_line_of_the_talk(entry: str, words: str) -> None:
    assert as_words(entry) == words
