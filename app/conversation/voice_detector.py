"""The caller's voice, told from everything else a telephone line carries. No I/O: audio and a clock in."""

from __future__ import annotations

import audioop
import math
from dataclasses import dataclass

import numpy as np

from app.conversation.voicing import WINDOW, judge, power

FRAME = 160


@dataclass(frozen=True, slots=True)
class VoiceStarted:
    """The caller's voice is heard."""

    at: float
    """Where it began, earlier than now. Seconds of the clock."""


@dataclass(frozen=True, slots=True)
class VoiceEnded:
    """The caller's voice has stopped."""

    at: float
    """Where the silence began."""


class VoiceDetector:
    """One call's."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._window = bytearray(2 * WINDOW)
        self._floor = -60.0
        self._outgoing: list[tuple[float, float, float]] = []
        self._voiced = 0
        self._quiet = 0
        self._began = 0.0
        self._last = 0.0
        self._speaking = False

    def sent(self, audio: bytes, audible_at: float) -> None:
        """Agent audio (8 kHz μ-law) that will be audible on the line from `audible_at` on."""
        level = _level(audioop.ulaw2lin(audio, 2))
        self._outgoing.append((audible_at, audible_at + len(audio) / 8000, level))

    def cleared(self, now: float) -> None:
        """What has not been played by now never will be (its echo of the last half second still returns)."""
        self._outgoing = [
            (start, min(end, now), level) for start, end, level in self._outgoing if start < now
        ]

    def hear(self, audio: bytes, now: float) -> list[VoiceStarted | VoiceEnded]:
        """A chunk of the caller's μ-law that ended `now`, of any length."""
        events: list[VoiceStarted | VoiceEnded] = []
        self._held += audio
        while len(self._held) >= FRAME:
            frame = audioop.ulaw2lin(bytes(self._held[:FRAME]), 2)
            del self._held[:FRAME]
            event = self._frame(frame, now - len(self._held) / 8000)
            if event:
                events.append(event)
        return events

    def _frame(self, frame: bytes, now: float) -> VoiceStarted | VoiceEnded | None:
        self._window = self._window[len(frame) :] + frame
        level = _level(frame)
        self._floor = min(level, self._floor + 0.05) if not self._speaking else min(level, self._floor + 0.02)
        self._floor = max(self._floor, -65.0)
        self._outgoing = [piece for piece in self._outgoing if piece[1] > now - 0.5]
        echo = max((piece[2] for piece in self._outgoing if piece[0] < now), default=-100.0) - 10
        if level > max(self._floor + 8, echo, -50):
            voicing = judge(power(np.frombuffer(bytes(self._window), np.int16)))
            if voicing.periodic > 0.6 and voicing.middle > 0.05 and voicing.tonal < 0.9:
                if not self._voiced:
                    self._began = now - 0.04
                self._voiced += 1
                self._last = now
        if not self._speaking and now - self._last > 0.1:
            self._voiced = 0
        if not self._speaking and self._voiced >= 5:
            self._speaking = True
            return VoiceStarted(self._began)
        if self._speaking and now - self._last > 0.22:
            self._speaking = False
            self._voiced = 0
            return VoiceEnded(self._last)
        return None


def _level(samples: bytes) -> float:
    return 20 * math.log10(max(audioop.rms(samples, 2), 1) / 32768)
