"""The audio of a call that has no final yet: what another stream, or recogniser, has to hear again."""

from __future__ import annotations

import audioop
from collections import deque

BYTES_PER_MS = 8
"""8 kHz μ-law."""
BLOCK = 100 * BYTES_PER_MS
"""Loudness is judged a block at a time."""
QUIET_RMS = 100
"""Below this, −50 dB of full scale, nobody speaks: on a telephone speech is about −26 dB (ITU-T G.100)."""
VOICE_RMS = 400
"""−38 dB: what is above it, and above the noise, is loud enough to be a voice."""
NOISE_BLOCKS = 50
QUIETEST = NOISE_BLOCKS // 20
"""Of 5 s so many blocks may be quieter than the noise of the line. Who speaks pauses for more of it, so
nothing of a voice without noise is taken for it."""
OVER_NOISE = 2.0
"""A voice is so many times as loud as the noise, 6 dB. Otherwise steady noise would be owed an answer, and a
recogniser that rightly tells of nothing be left, every five seconds."""
LEAD = 500 * BYTES_PER_MS
"""Kept before the first sound: a word may begin softly."""
LONGEST = 120_000 * BYTES_PER_MS
"""Kept at most, 960 KB. Recognisers settle what they hear far sooner; this is for when there is none."""


class Tail:
    """Positions are bytes since the call's first one.

    A quiet beginning is dropped: a caller who listened for a minute has nothing to be heard again, and a
    replayed minute would be paid for and waited for.
    """

    def __init__(self) -> None:
        self.start = 0
        """Position of the first byte kept."""
        self.end = 0
        self._audio = bytearray()
        self.voiced_ms = 0
        """How much was loud enough to be a voice, since the first byte."""
        self._judged = 0
        self._voice_end = 0
        self._levels: deque[int] = deque(maxlen=NOISE_BLOCKS)
        self._noise = 0
        """Its level, as far as the line has been heard for long enough."""
        self._loud: deque[int] = deque()
        """Where the blocks begin that are not quiet."""

    def append(self, audio: bytes) -> bool:
        """Take audio of any length. Returns whether more is known of its loudness: ten times a second."""
        self._audio += audio
        self.end += len(audio)
        if self.end - self._judged < BLOCK:
            return False
        self._judge()
        return True

    def cut(self, position: int) -> None:
        """Everything before `position` is final."""
        while self._loud and self._loud[0] + BLOCK <= position:
            self._loud.popleft()
        self._drop(min(position, self.end))
        self._drop_quiet()

    def slice(self, start: int, end: int) -> bytes:
        """The audio between two positions, as far as it is kept."""
        return bytes(self._audio[max(0, start - self.start) : max(0, end - self.start)])

    @property
    def loud_ms(self) -> int:
        """How much of it is not quiet."""
        return len(self._loud) * BLOCK // BYTES_PER_MS

    @property
    def voice_ms(self) -> int:
        """How much of it is loud enough to be a voice."""
        blocks = range(0, len(self._audio) - BLOCK + 1, BLOCK)
        levels = (_rms(self._audio[at : at + BLOCK]) for at in blocks)
        return sum(map(self._may_be_voice, levels)) * BLOCK // BYTES_PER_MS

    @property
    def quiet_ms(self) -> int:
        """For how long nothing has been loud enough to be a voice."""
        return (self._judged - self._voice_end) // BYTES_PER_MS

    def _judge(self) -> None:
        while self.end - self._judged >= BLOCK:
            rms = _rms(self.slice(self._judged, self._judged + BLOCK))
            if rms >= QUIET_RMS:
                self._loud.append(self._judged)
            self._levels.append(rms)
            if len(self._levels) == NOISE_BLOCKS:
                self._noise = sorted(self._levels)[QUIETEST]
            if self._may_be_voice(rms):
                self.voiced_ms += BLOCK // BYTES_PER_MS
                self._voice_end = self._judged + BLOCK
            self._judged += BLOCK
        self._drop(self.end - LONGEST)
        self._drop_quiet()

    def _may_be_voice(self, rms: int) -> bool:
        return rms >= max(VOICE_RMS, OVER_NOISE * self._noise)

    def _drop_quiet(self) -> None:
        self._drop((self._loud[0] if self._loud else self._judged) - LEAD)

    def _drop(self, position: int) -> None:
        if position > self.start:
            del self._audio[: position - self.start]
            self.start = position


def _rms(audio: bytes | bytearray) -> int:
    return audioop.rms(audioop.ulaw2lin(audio, 2), 2)
