"""app.limits.frames, against the parser of websockets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from app.limits.frames import frame_end, text_of
from tests.limits.client_frames import client_frame

MOST = 256 * 1024


@given(
    before=st.binary(max_size=40),
    data=st.one_of(st.binary(max_size=300), st.integers(65_530, 65_540).map(bytes)),
    after=st.binary(max_size=40),
)
def test_a_frame_ends_where_the_next_one_begins(before: bytes, data: bytes, after: bytes) -> None:
    frame = client_frame(data, Opcode.BINARY)
    assert frame_end(before + frame + after, len(before), MOST) == len(before) + len(frame)


@given(data=st.binary(max_size=300), share=st.floats(0, 1, exclude_max=True))
def test_the_end_of_a_frame_that_is_not_all_there_is_beyond_the_data(data: bytes, share: float) -> None:
    frame = client_frame(data)
    begun = frame[: int(share * len(frame))]
    assert frame_end(begun, 0, MOST) > len(begun)


def test_a_giant_frame_is_not_waited_for() -> None:
    begun = client_frame(bytes(MOST + 1))[:20]
    assert frame_end(begun, 0, MOST) == len(begun)


@given(
    before=st.binary(max_size=40),
    text=st.one_of(st.text(max_size=300), st.integers(120, 130).map(lambda n: "x" * n)),
)
def test_the_text_of_an_ordinary_message_is_read(before: bytes, text: str) -> None:
    data = before + client_frame(text.encode())
    assert text_of(data, len(before), len(data)) == text


@pytest.mark.parametrize(
    "frame",
    [
        client_frame(b"x", Opcode.BINARY),
        client_frame(b"x", Opcode.PING),
        client_frame(b"x", fin=False),
        client_frame(b"x", Opcode.CONT),
        client_frame(b"\xff"),
        Frame(Opcode.TEXT, b"x").serialize(mask=False),
        b"\xc1" + client_frame(b"x")[1:],
        client_frame(b"x" * 65_536),
    ],
    ids=["binary", "ping", "fragment", "continuation", "no UTF-8", "unmasked", "compressed", "large"],
)
def test_what_is_no_ordinary_message_is_left_to_who_knows_all_frames(frame: bytes) -> None:
    assert text_of(frame, 0, len(frame)) is None
