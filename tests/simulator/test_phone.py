"""The phone: what is played, when marks come back, what a clear does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.simulator.phone import Phone
from app.simulator.wire import FRAME_BYTES, SILENT_FRAME

AUDIO = b"\x10"
SAID = b"\x20" * FRAME_BYTES


def test_audio_is_played_at_160_bytes_a_tick_and_then_there_is_silence() -> None:
    phone = Phone()
    phone.play(AUDIO * 200)
    for _ in range(3):
        phone.tick()
    assert bytes(phone.heard) == AUDIO * 200 + b"\xff" * 280


def test_what_is_said_and_what_is_heard_share_one_time_line() -> None:
    phone = Phone()
    phone.tick(SAID)
    phone.play(AUDIO * 160)
    phone.tick()
    assert bytes(phone.said) == SAID + SILENT_FRAME
    assert bytes(phone.heard) == SILENT_FRAME + AUDIO * 160
    assert phone.now_ms == 40


def test_a_mark_comes_back_at_once_if_nothing_is_buffered() -> None:
    assert Phone().mark("m") == ["m"]


def test_a_mark_comes_back_when_the_audio_before_it_has_been_played() -> None:
    phone = Phone()
    phone.play(AUDIO * 300)
    assert phone.mark("m") == []
    phone.play(AUDIO * 1000)
    assert [phone.tick(), phone.tick()] == [[], []]
    assert phone.tick() == ["m"]


def test_a_clear_drops_the_audio_and_returns_all_pending_marks() -> None:
    phone = Phone()
    phone.play(AUDIO * 320)
    phone.mark("a")
    phone.play(AUDIO * 320)
    phone.mark("b")
    phone.tick()
    assert phone.clear() == ["a", "b"]
    phone.tick()
    assert bytes(phone.heard) == AUDIO * 160 + SILENT_FRAME


def test_what_is_played_after_a_clear_is_heard_and_marked() -> None:
    phone = Phone()
    phone.play(AUDIO * 1600)
    phone.clear()
    phone.play(AUDIO * 160)
    assert phone.mark("m") == []
    assert [phone.tick(), phone.tick()] == [[], ["m"]]


COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just("play"), st.integers(1, 700)),
        st.tuples(st.just("mark"), st.just(0)),
        st.tuples(st.just("clear"), st.just(0)),
        st.tuples(st.just("tick"), st.integers(1, 5)),
    ),
    max_size=60,
)


@given(COMMANDS)
def test_no_audio_is_lost_or_made_up_and_marks_keep_their_order(commands: list[tuple[str, int]]) -> None:
    phone = Phone()
    received = marks = 0
    returned: list[str] = []
    for command, number in commands:
        if command == "play":
            phone.play(AUDIO * number)
            received += number
        elif command == "mark":
            marks += 1
            returned += phone.mark(str(marks))
        elif command == "clear":
            returned += phone.clear()
            assert len(returned) == marks
            assert phone.buffered == 0
        else:
            for _ in range(number):
                returned += phone.tick()
        played = phone.heard.count(AUDIO)
        assert played + phone.buffered + phone.flushed == received
        assert len(phone.heard) == len(phone.said)
        assert returned == [str(n + 1) for n in range(len(returned))]
    while phone.buffered:
        returned += phone.tick()
    returned += phone.tick()
    assert len(returned) == marks


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 4)), max_size=20))
def test_a_mark_is_never_early_and_at_most_a_frame_late(pieces: list[tuple[int, int]]) -> None:
    phone = Phone()
    due: dict[str, int] = {}
    total = 0

    def check(names: list[str]) -> None:
        heard = phone.heard.count(AUDIO)
        for name in names:
            assert heard >= due[name]

    for index, (size, ticks) in enumerate(pieces):
        phone.play(AUDIO * size)
        total += size
        due[str(index)] = total
        check(phone.mark(str(index)))
        for _ in range(ticks):
            check(phone.tick())
