"""app.live.messages: what goes over NOTIFY."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.live.messages import LONGEST_PAYLOAD, Changed, Interim, InterimLine, decode, encode

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts)
def test_an_event_comes_back_as_it_was_sent(text: str) -> None:
    for event in (Changed("CA1", "lines"), Interim("CA1", InterimLine(3, "user", text, 120))):
        assert decode(encode(event)) == event


@given(texts.filter(bool), st.integers(1, 20_000))
def test_a_payload_always_fits_and_keeps_the_end_of_the_text(text: str, times: int) -> None:
    long = text * times
    payload = encode(Interim("CA1", InterimLine(3, "user", long, 0)))
    assert len(payload.encode()) <= LONGEST_PAYLOAD
    event = decode(payload)
    assert isinstance(event, Interim)
    assert long.endswith(event.line.text)
    assert event.line.text or not long


@given(texts, st.integers(LONGEST_PAYLOAD, 2 * LONGEST_PAYLOAD))
def test_a_call_sid_that_fills_the_payload_leaves_no_text_and_ends_nothing(text: str, length: int) -> None:
    event = decode(encode(Interim("C" * length, InterimLine(3, "user", text, 0))))
    assert event == Interim("C" * length, InterimLine(3, "user", "", 0))


@pytest.mark.parametrize("payload", ["", "hello", "{}", '{"call_sid":"CA1","event":"interim"}'])
def test_what_others_send_is_told_apart(payload: str) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(payload)
