"""Keeps our own words from the recogniser on a line that echoes. No I/O.

A recogniser writes down whatever voice it hears, and an utterance that begins with an echo goes on with the
caller's words. So, while our voice may come back and no other is heard, it gets silence instead. The caller's
voice is noticed up to 0.4 s late: what is heard waits that long, and is passed on whole if it was the caller.
Not a byte more or less comes out than went in, so that the recogniser's clock stays right.
"""

from __future__ import annotations

SILENCE = b"\xff"
HELD = 4000
"""Bytes that wait, half a second: a voice is noticed within 0.4 s (95 %)."""


class EchoGate:
    """8 kHz μ-law in and out."""

    def __init__(self) -> None:
        self._held = bytearray()

    def closed(self, audio: bytes) -> bytes:
        """Our voice may come back in this audio, and nobody else is heard. Returns what may be passed on."""
        self._held += audio
        late = len(self._held) - HELD
        if late <= 0:
            return b""
        del self._held[:late]
        return SILENCE * late

    def open(self, audio: bytes, voice: int | None = None) -> bytes:
        """What is heard is nobody's echo. `voice`: bytes since the caller's voice began, where it has opened
        the gate; what came before is silenced."""
        if not self._held:
            return audio
        held = bytes(self._held) + audio
        self._held.clear()
        silenced = 0 if voice is None else max(0, len(held) - voice)
        return SILENCE * silenced + held[silenced:]
