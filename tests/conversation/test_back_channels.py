"""What is only a sign of listening, and what wants to be answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.conversation.back_channels import is_back_channel, may_become_back_channel


@pytest.mark.parametrize(
    "text",
    ["Mm-hmm.", "Mm-h", "M-hm.", "mhm", "Uh-huh.", "uh huh", "Yeah.", "yeah, yeah", "okay", "Okay, right.",
     "I see.", "right", "Got it.", "oh okay", "Oh, I see.", "sure", "great", "Makes sense.", "mm", "hmm",
     "Ah.", "of course", "yes", "all right"],
)  # fmt: skip
def test_a_sign_of_listening(text: str) -> None:
    assert is_back_channel(text)


@pytest.mark.parametrize(
    "text",
    ["", "no", "stop", "okay stop", "wait", "yeah but", "yes tomorrow", "I see a problem", "right now",
     "what", "okay and what about the other one", "hello", "sure, at nine", "Really?", "no no", "thank you",
     "bye", "sorry", "yeah yeah yeah yeah I see okay"],
)  # fmt: skip
def test_something_to_be_answered(text: str) -> None:
    assert not is_back_channel(text)


@given(
    st.lists(
        st.sampled_from(["yeah", "okay", "I see", "mm", "stop", "no", "tomorrow"]), min_size=1, max_size=4
    )
)
def test_one_other_word_makes_it_a_turn(parts: list[str]) -> None:
    words = " ".join(parts)
    if {"stop", "no", "tomorrow"}.intersection(parts):
        assert not is_back_channel(words)


@pytest.mark.parametrize("text", ["got", "sounds", "that makes", "oh i", "yeah that's", "of", "makes"])
def test_what_may_become_one_with_the_next_word(text: str) -> None:
    assert may_become_back_channel(tuple(text.split()))


@pytest.mark.parametrize("text", ["", "no", "stop", "got a", "yeah", "i see", "wait i", "what"])
def test_what_is_one_or_cannot_become_one(text: str) -> None:
    assert not may_become_back_channel(tuple(text.split()))
