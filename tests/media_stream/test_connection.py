from __future__ import annotations

from app.conversation.transcript import TranscriptLine
from app.media_stream.connection import MediaStreamConnection


async def test_audio_is_counted_kept_and_handed_on() -> None:
    connection = MediaStreamConnection("CA1", "user1")
    heard: list[bytes] = []
    connection.on("audio_chunk", heard.append)
    connection.add_audio_chunk(b"\xff" * 160)
    connection.add_audio_chunk(b"\x7f" * 160)
    assert heard == [b"\xff" * 160, b"\x7f" * 160]
    stats = connection.stats
    assert (stats.audio_chunks_received, stats.bytes_received, stats.buffer_size) == (2, 320, 320)


async def test_a_full_buffer_drops_its_oldest_chunk_and_counts_it() -> None:
    connection = MediaStreamConnection("CA1", max_buffer_bytes=320)
    for byte in b"abc":
        connection.add_audio_chunk(bytes([byte]) * 160)
    assert bytes(connection.audio) == b"b" * 160 + b"c" * 160
    assert connection.stats.audio_chunks_dropped == 1


async def test_a_line_grows_until_it_is_final() -> None:
    connection = MediaStreamConnection("CA1")
    seen: list[TranscriptLine] = []
    connection.on("transcript", seen.append)
    connection.add_transcript_line("take", False)
    connection.add_transcript_line("take a note", False)
    connection.add_transcript_line("Take a note.", True)
    assert [(line.seq, line.text, line.is_final) for line in seen] == [
        (1, "take", False),
        (1, "take a note", False),
        (1, "Take a note.", True),
    ]
    assert connection.stats.transcript_lines_received == 1


async def test_only_the_first_reason_for_ending_counts() -> None:
    connection = MediaStreamConnection("CA1")
    connection.close("caller_hung_up")
    connection.close("error")
    assert connection.ended.result() == "caller_hung_up"
