"""Keeps our own words, and those of people beside the caller, from the recogniser. No I/O.

A recogniser writes down whatever voice it hears, and an utterance that begins with an echo goes on with the
caller's words. So, on a line that carries other voices, it gets silence while we may be heard and the caller
is not. The caller's voice is noticed up to 0.4 s late: what is heard waits that long, and is passed on whole
if it was the caller.
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

    @property
    def held(self) -> bytes:
        """What waits."""
        return bytes(self._held)

    def closed(self, audio: bytes) -> bytes:
        """In this audio are only others than the caller. Returns what may be passed on."""
        self._held += audio
        late = len(self._held) - HELD
        if late <= 0:
            return b""
        del self._held[:late]
        return SILENCE * late

    def open(self, audio: bytes, voice: int | None = None) -> bytes:
        """The caller may be heard. `voice`: bytes since the caller's voice began, where it has opened
        the gate; what came before is silenced."""
        if not self._held:
            return audio
        held = bytes(self._held) + audio
        self._held.clear()
        silenced = 0 if voice is None else max(0, len(held) - voice)
        return SILENCE * silenced + held[silenced:]
