"""What a call needs of a judge of voices."""

from __future__ import annotations

from typing import Protocol

HEARD_BYTES = 6256
"""8 kHz μ-law, 782 ms: what a judge wants to hear of a line, up to now."""


class Listening(Protocol):
    async def only_listens(self, audio: bytes, voice_seconds: float) -> float:
        """The probability that what sounds like a voice is a "yeah" or an "okay", or no voice at all, rather
        than somebody who wants to be heard. `audio`: the last HEARD_BYTES of the line, 8 kHz μ-law;
        `voice_seconds`: how much of it, at its end, is the voice. Takes 11 ms beside the calls;
        never raises."""
        ...
