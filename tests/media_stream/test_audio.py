from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.media_stream.audio import BYTES_PER_MS, MAX_PIECE_MS, MIN_PIECE_MS, Pieces, RecentAudio

chunks = st.lists(st.binary(max_size=9000), max_size=20)


@given(chunks)
def test_pieces_hold_all_audio_in_order_and_then_silence(parts: list[bytes]) -> None:
    pieces = Pieces()
    cut = [piece for part in parts for piece in pieces.feed(part)]
    cut += pieces.flush()
    audio, whole = b"".join(cut), b"".join(parts)
    assert audio[: len(whole)] == whole
    assert set(audio[len(whole) :]) <= {0xFF}
    assert len(audio) - len(whole) < MIN_PIECE_MS * BYTES_PER_MS


@given(chunks)
def test_no_piece_is_shorter_than_100_ms_or_longer_than_400(parts: list[bytes]) -> None:
    pieces = Pieces()
    cut = [piece for part in parts for piece in pieces.feed(part)] + pieces.flush()
    assert all(MIN_PIECE_MS <= len(piece) / BYTES_PER_MS <= MAX_PIECE_MS for piece in cut)


def test_a_piece_leaves_as_soon_as_there_are_100_ms() -> None:
    pieces = Pieces()
    assert pieces.feed(bytes(799)) == []
    assert len(pieces.feed(bytes(1))) == 1


def test_the_oldest_audio_is_dropped_and_counted() -> None:
    audio = RecentAudio(max_bytes=4)
    for chunk in (b"ab", b"cd", b"ef"):
        audio.append(chunk)
    assert bytes(audio) == b"cdef"
    assert audio.dropped == 1


@given(chunks, st.integers(1, 20000))
def test_recent_audio_never_holds_more_than_its_bound(parts: list[bytes], bound: int) -> None:
    audio = RecentAudio(bound)
    for part in parts:
        audio.append(part)
        assert audio.size == len(bytes(audio)) <= bound
    assert b"".join(parts).endswith(bytes(audio))
