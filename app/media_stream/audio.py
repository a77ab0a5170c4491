"""8 kHz μ-law (ITU-T G.711), as it is on the wire: one byte a sample, 8 bytes a millisecond. No I/O."""

from __future__ import annotations

from collections import deque

BYTES_PER_MS = 8
SILENCE = b"\xff"
"""One sample of digital silence."""

MIN_PIECE_MS = 100
"""Smaller pieces cost a message each and gain nothing: Twilio buffers what it is sent."""
MAX_PIECE_MS = 400
"""A mark follows each piece, so this is how far apart the moments of certainty lie."""


def duration_ms(audio: bytes) -> float:
    """How long it plays."""
    return len(audio) / BYTES_PER_MS


class Pieces:
    """Cuts audio that comes in any lengths into pieces of 100 to 400 ms, the first as early as can be."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, audio: bytes) -> list[bytes]:
        """Take audio; return the pieces that are ready."""
        self._held += audio
        pieces = []
        while len(self._held) >= MIN_PIECE_MS * BYTES_PER_MS:
            size = min(len(self._held), MAX_PIECE_MS * BYTES_PER_MS)
            pieces.append(bytes(self._held[:size]))
            del self._held[:size]
        return pieces

    def flush(self) -> list[bytes]:
        """The rest, brought to 100 ms with silence: a pause between clauses is natural."""
        if not self._held:
            return []
        piece = bytes(self._held).ljust(MIN_PIECE_MS * BYTES_PER_MS, SILENCE)
        self._held.clear()
        return [piece]


class RecentAudio:
    """The latest chunks of a call, bounded by bytes; the oldest go first, and are counted."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.size = 0
        """Bytes held."""
        self.dropped = 0
        """Chunks dropped so far."""
        self._chunks: deque[bytes] = deque()

    def append(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self.size += len(chunk)
        while self.size > self.max_bytes:
            self.size -= len(self._chunks.popleft())
            self.dropped += 1

    def __len__(self) -> int:
        return len(self._chunks)

    def __bytes__(self) -> bytes:
        return b"".join(self._chunks)

    def clear(self) -> None:
        self._chunks.clear()
        self.size = 0
