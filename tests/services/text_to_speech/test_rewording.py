"""What counts as reading a text aloud, and what does not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.text_to_speech.rewording import Reading, RewordedError


def read(text: str, transcript: str, deltas: int = 1) -> None:
    reading = Reading(text)
    for at in range(0, len(transcript), deltas):
        reading.feed(transcript[at : at + deltas])
    reading.finish()


@pytest.mark.parametrize(
    ("text", "transcript"),
    [
        ("Good morning.", "good morning"),
        ("It's noted – call Anna!", "It’s noted: call Anna."),
        ("Your meeting is at 3:30 p.m. on May 5.", "Your meeting is at three thirty PM on May fifth."),
        ("That is three euros, twenty cents.", "That is 3 euros, 20 cents."),
        ("I will remind you tomorrow at noon.", "I will remind you at noon."),
        (
            "I have noted that for you, and I will remind you.",
            "OK, I have noted that for you, and will remind you.",
        ),
        ("Of course.", ""),
    ],
)
def test_reading_it_is(text: str, transcript: str) -> None:
    read(text, transcript)


@pytest.mark.parametrize(
    ("text", "transcript"),
    [
        ("Yes.", "No."),
        ("What can I do for you?", "I would like to leave a note."),
        ("Your meeting is at 3 on Monday.", "Your meeting is at 4 on Monday."),
        ("Your meeting is at three on Monday, as I said.", "Your meeting is on Monday, as I said."),
        ("I have noted that for you.", "Sure, here it is: I have noted that for you."),
        ("I have noted that, and I will remind you of it tomorrow.", "I have noted that."),
        ("Bye.", "Bye, it was so nice talking to you."),
    ],
)  # fmt: skip
def test_rewording_it_is(text: str, transcript: str) -> None:
    with pytest.raises(RewordedError, match="was to say"):
        read(text, transcript)


def test_an_answer_is_noticed_before_it_is_over() -> None:
    reading = Reading("What can I do for you today?")
    reading.feed("I need")
    with pytest.raises(RewordedError):
        reading.feed(" you to")


words = st.lists(st.from_regex(r"[A-Za-z]{1,8}|[0-9]{1,4}", fullmatch=True), max_size=30).map(" ".join)


@given(text=words, seed=st.integers())
def test_the_text_itself_agrees_however_it_is_cut(text: str, seed: int) -> None:
    read(text, text, random.Random(seed).randint(1, 20))


@given(text=words, other=words, deltas=st.integers(min_value=1, max_value=20))
def test_how_the_transcript_is_cut_makes_no_difference(text: str, other: str, deltas: int) -> None:
    def agrees(size: int) -> bool:
        try:
            read(text, other, size)
        except RewordedError:
            return False
        return True

    assert agrees(deltas) == agrees(1000)
