"""Voice on a line, by its energy: when somebody speaks, from when to when. No I/O.

Good enough for a synthetic voice on a silent line and for clean recordings; it measures, it decides nothing
in the product.
"""

from __future__ import annotations

import audioop
from dataclasses import dataclass

from app.simulator.wire import FRAME_BYTES, FRAME_MS

AUDIBLE_RMS = 100
"""−50 dB below full scale: quieter than any speech, louder than the rounding noise of μ-law."""
VOICE_TO_PEAK = 0.04
"""A recording has noise of its own; its voice is what reaches this part of its loudest frame (in tests/speech
the noise between the words lies below 0.02, all but the last breath of the words above 0.04)."""
WORD_GAP_MS = 300
"""Silences shorter than that lie within one stretch of speech."""
STALE_QUIET_MS = 200
"""Silence that separates what is said next from what was being said already."""


def loudness(frame: bytes) -> int:
    """Root mean square of a μ-law frame, 0–32767."""
    return audioop.rms(audioop.ulaw2lin(frame, 2), 2)


@dataclass(frozen=True, slots=True)
class Span:
    """Milliseconds from a beginning to an end."""

    start_ms: int
    end_ms: int


def voice_span(recording: bytes) -> Span:
    """Where the voice in a recording begins and ends; all of it if there is none."""
    levels = [loudness(frame) for frame in _frames(recording)]
    threshold = max(VOICE_TO_PEAK * max(levels, default=0), AUDIBLE_RMS)
    voiced = [index for index, level in enumerate(levels) if level >= threshold]
    if not voiced:
        return Span(0, len(levels) * FRAME_MS)
    return Span(voiced[0] * FRAME_MS, (voiced[-1] + 1) * FRAME_MS)


def voiced_spans(track: bytes) -> list[Span]:
    """The stretches of speech on a track whose pauses are silent."""
    spans: list[Span] = []
    for index, frame in enumerate(_frames(track)):
        if loudness(frame) < AUDIBLE_RMS:
            continue
        start = index * FRAME_MS
        if spans and start - spans[-1].end_ms < WORD_GAP_MS:
            start = spans.pop().start_ms
        spans.append(Span(start, (index + 1) * FRAME_MS))
    return spans


def _frames(audio: bytes) -> list[bytes]:
    return [audio[at : at + FRAME_BYTES] for at in range(0, len(audio), FRAME_BYTES)]


class Ears:
    """What the caller makes of what is heard, tick by tick."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.heard_ms = 0
        """How long the agent has been audible since the caller last began to listen."""
        self.quiet_ms = 0
        """How long since then nothing has been audible, nor waiting to be played."""
        self._silence_ms = STALE_QUIET_MS
        self._stale = False

    @property
    def silent_since_ms(self) -> int:
        """When the agent was last audible; the beginning, if it never was."""
        return self.now_ms - min(self._silence_ms, self.now_ms)

    def attend(self) -> None:
        """Begin to listen afresh: what is being said right now does not count any more."""
        self.heard_ms = self.quiet_ms = 0
        self._stale = self._silence_ms < STALE_QUIET_MS

    def hear(self, frame: bytes, more_to_come: bool) -> None:
        """Take 20 ms. `more_to_come`: audio is waiting in the phone."""
        self.now_ms += FRAME_MS
        if loudness(frame) >= AUDIBLE_RMS:
            self.quiet_ms = self._silence_ms = 0
            if not self._stale:
                self.heard_ms += FRAME_MS
            return
        self._silence_ms += FRAME_MS
        if self._silence_ms >= STALE_QUIET_MS:
            self._stale = False
        if not more_to_come:
            self.quiet_ms += FRAME_MS
