from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.conversation.echo_gate import HELD, SILENCE, EchoGate

FRAME = bytes(range(160))


def test_where_nothing_comes_back_audio_passes_untouched() -> None:
    assert EchoGate().open(FRAME) is FRAME


def test_an_echo_becomes_silence_half_a_second_later() -> None:
    gate = EchoGate()
    assert gate.closed(b"\x10" * HELD) == b""
    assert gate.closed(FRAME) == SILENCE * 160


def test_the_voice_that_opens_the_gate_is_passed_on_whole() -> None:
    gate = EchoGate()
    gate.closed(b"\x10" * 1000)
    gate.closed(b"\x20" * 400)
    assert gate.open(FRAME, voice=560) == SILENCE * 1000 + b"\x20" * 400 + FRAME


def test_what_waits_when_we_have_fallen_silent_is_passed_on() -> None:
    gate = EchoGate()
    gate.closed(b"\x10" * 1000)
    assert gate.open(FRAME) == b"\x10" * 1000 + FRAME
    assert gate.open(FRAME) is FRAME


chunks = st.lists(st.tuples(st.integers(0, 900), st.booleans(), st.none() | st.integers(0, 9000)))


@given(chunks)
def test_not_a_byte_is_lost_or_added(happenings: list[tuple[int, bool, int | None]]) -> None:
    gate, gone_in, come_out = EchoGate(), 0, 0
    for size, is_closed, voice in happenings:
        gone_in += size
        audio = bytes(size)
        come_out += len(gate.closed(audio) if is_closed else gate.open(audio, voice))
        assert gone_in - HELD <= come_out <= gone_in
    assert come_out + len(gate.open(b"")) == gone_in
