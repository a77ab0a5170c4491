"""The agent's own voice, come back over the line, and a caller who speaks into it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.conversation.echoed_words import is_echo

AGENT = "Okay, I'll remind you to call the dentist tomorrow at nine in the morning. Is there anything else?"


@pytest.mark.parametrize(
    "text",
    ["I'll remind you to call the dentist", "remind you", "Remind.",
     "call the dentist tomorrow at nine in the", "remind you to fold the dentist tomorrow",
     "is there anything else", "Okay, I'll remind you to call the den", "the morning is there any",
     "I will remind you to call the dentist"],
)  # fmt: skip
def test_the_agents_words_even_if_a_few_are_misheard_are_an_echo(text: str) -> None:
    assert is_echo(text, AGENT)


@pytest.mark.parametrize(
    "text",
    ["no", "Stop.", "wait", "no at ten", "remind me on Friday instead", "yes", "hello", "make it Thursday",
     "remind you to call no wait", "remind you to call the doctor's office", "what did you say", "", "..."],
)  # fmt: skip
def test_a_callers_own_words_are_no_echo(text: str) -> None:
    assert not is_echo(text, AGENT)


def test_without_the_agent_having_spoken_there_is_no_echo() -> None:
    assert not is_echo("remind you", "")


def test_a_word_that_was_offered_for_choice_is_an_answer() -> None:
    assert not is_echo("Evening.", "Shall I call in the morning or in the evening?")
    assert is_echo("call", "Shall I call in the morning or in the evening?")


words = st.lists(st.sampled_from(AGENT.split()[2:13]), min_size=3)


@given(words, st.data())
def test_any_stretch_of_what_was_said_is_an_echo(said: list[str], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(said) - 3))
    end = data.draw(st.integers(begin + 2, len(said)))
    assert is_echo(" ".join(said[begin:end]), " ".join(said))


@given(words, st.sampled_from(["stop", "no wait", "cancel that", "hello"]))
def test_whoever_talks_into_an_echo_is_heard(said: list[str], caller: str) -> None:
    assert not is_echo(f"{' '.join(said)} {caller}", " ".join(said))
