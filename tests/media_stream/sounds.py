"""Audio for the ledger: something with the loudness of a voice, and silence."""

from __future__ import annotations

import audioop
import math
import struct

from app.media_stream.audio import BYTES_PER_MS, SILENCE

_TONE = audioop.lin2ulaw(
    struct.pack("<160h", *(int(8000 * math.sin(2 * math.pi * 200 * at / 8000)) for at in range(160))), 2
)


def voice(ms: int) -> bytes:
    size = ms * BYTES_PER_MS
    return (_TONE * (size // len(_TONE) + 1))[:size]


def silence(ms: int) -> bytes:
    return SILENCE * (ms * BYTES_PER_MS)
