"""The caller's phone as Twilio drives it: plays what the server sends at real time. No I/O, no clock:
a tick is 20 ms."""

from __future__ import annotations

from collections import deque

from app.simulator.wire import FRAME_BYTES, FRAME_MS, SILENT_FRAME


class Phone:
    """Buffers μ-law, plays 160 bytes a tick, returns marks, and records both directions on one time line."""

    def __init__(self) -> None:
        self.said = bytearray()
        """What the caller said, from the first tick on; 8 bytes a millisecond."""
        self.heard = bytearray()
        """What the caller heard, silence included; as long as `said`."""
        self.flushed = 0
        """Bytes dropped by `clear`, never heard."""
        self._buffer = bytearray()
        self._marks: deque[tuple[int, str]] = deque()
        self._played = 0

    @property
    def now_ms(self) -> int:
        """Time on the phone: the ticks so far."""
        return len(self.said) // FRAME_BYTES * FRAME_MS

    @property
    def buffered(self) -> int:
        """Bytes waiting to be played."""
        return len(self._buffer)

    @property
    def waiting(self) -> bytes:
        """What is waiting to be played."""
        return bytes(self._buffer)

    def play(self, audio: bytes) -> None:
        """Audio from the server, of any length, to follow what is buffered."""
        self._buffer += audio

    def mark(self, name: str) -> list[str]:
        """A mark from the server. Returns the marks due now: this one, if nothing is left to play."""
        self._marks.append((self._played + len(self._buffer), name))
        return self._due()

    def clear(self) -> list[str]:
        """Drop what has not been played. Returns all pending marks, in order."""
        self.flushed += len(self._buffer)
        self._buffer.clear()
        pending = [name for _, name in self._marks]
        self._marks.clear()
        return pending

    def hang_up(self) -> bytes:
        """The stream is over. Returns the audio that was never played; its marks are forgotten."""
        unheard = bytes(self._buffer)
        self.clear()
        return unheard

    def tick(self, said: bytes = SILENT_FRAME) -> list[str]:
        """20 ms pass: the caller says `said` (160 bytes) and hears the next of the buffer, or silence.

        Returns the marks whose audio has been played by the beginning of these 20 ms.
        """
        due = self._due()
        frame = bytes(self._buffer[:FRAME_BYTES])
        del self._buffer[:FRAME_BYTES]
        self._played += len(frame)
        self.heard += frame.ljust(FRAME_BYTES, b"\xff")
        self.said += said
        return due

    def _due(self) -> list[str]:
        due = []
        while self._marks and self._marks[0][0] <= self._played:
            due.append(self._marks.popleft()[1])
        return due
