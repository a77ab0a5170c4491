"""app.masking: whose numbers and addresses are taken out, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.masking import ACCOUNT, CARD, EMAIL, PHONE, SECRET, mask, mask_speech

SID = "CA0123456789abcdef0123456789012345"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4111 1111 1111 1111", CARD),
        ("4111-1111-1111-1111 until 12/29", f"{CARD} until 12/29"),
        ("378282246310005", CARD),
        ("call +1 (555) 000-1111 now", f"call {PHONE} now"),
        ("+4915112345678", PHONE),
        ("from=+15550001111,", f"from={PHONE},"),
        ("(555) 000-1111", PHONE),
        ("555.123.4567", PHONE),
        ("5550001111", PHONE),
        ("555-0199", PHONE),
        ("write to anna.b+x@mail.example.org.", f"write to {EMAIL}."),
        ("DE89 3704 0044 0532 0130 00", ACCOUNT),
        ("GB82WEST12345698765432", ACCOUNT),
        ("my account number is 1234 5678", f"my account number is {ACCOUNT}"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.abc_def", f"Bearer {SECRET}"),
        ("sk-abcdefghij0123456789", SECRET),
    ],
)
def test_numbers_and_addresses_of_people_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        f"call {SID}: ended, server_lost",
        "2026-11-21 11:47:13,123 WARNING app.store: 48213 writes",
        "before 2027-03-01T12:00:00Z",
        "host-12345-ab12cd34 owns 6f1e2d3c-1234-1234-1234-123456789012",
        "0.30000000000000004 s, 1234567 bytes, port 40123",
        "192.168.100.200:3000",
        "wss://example.org/ws/media-stream",
        "in 2027, at 10:30, for 1,250 dollars",
    ],
)
def test_what_an_operator_needs_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "it is four one one one, one one one one. One one one one one one one one, thanks",
            f"it is {CARD}, thanks",
        ),
        ("five five five, double oh one two", PHONE),
        ("555 zero one nine nine", PHONE),
        ("five five five forty two thirteen", PHONE),
        ("Call triple five twelve twelve, or anna@example.org", f"Call {PHONE}, or {EMAIL}"),
    ],
)
def test_spoken_numbers_are_masked(text: str, masked: str) -> None:
    assert mask_speech(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "on March first, twenty twenty seven, at ten thirty",
        "one or two, maybe three",
        "forty two fifty",
        "oh, one more thing: I need two tickets for seven people",
        "the numbers one, two, three",
    ],
)
def test_dates_times_and_amounts_that_are_spoken_stay(text: str) -> None:
    assert mask_speech(text) == text


@given(st.text())
def test_any_text_can_be_masked_and_what_is_masked_stays_so(text: str) -> None:
    assert mask(mask(text)) == mask(text)
    mask_speech(text)


@given(st.text("0123456789", min_size=12, max_size=18), st.sampled_from(["", " ", "-"]))
def test_a_number_that_passes_the_luhn_check_is_a_card(digits: str, between: str) -> None:
    doubled = [2 * int(digit) for digit in digits[::-2]]
    total = sum(map(int, digits[-2::-2])) + sum(value - 9 * (value > 9) for value in doubled)
    number = digits + str(-total % 10)
    written = between.join(number[start : start + 4] for start in range(0, len(number), 4))
    assert mask(f"x {written} y") == f"x {CARD} y"
