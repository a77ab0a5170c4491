"""The caller's side of the line: the voices in it, and what of it the recogniser gets. No I/O."""

from __future__ import annotations

from app.conversation.echo_canceller import EchoCanceller
from app.conversation.echo_gate import EchoGate
from app.conversation.voice_detector import VoiceDetector, VoiceEnded, VoiceStarted
from app.conversation.voice_thresholds import Thresholds

BREATH_SECONDS = 0.15
"""Soft first sounds come so long before a voice is noticed to have begun."""
LEARN_BYTES = 1600
"""How often a line on which only the agent's echo is heard is learned from: 200 ms."""
GAP_SECONDS = 0.3
"""A line that is so far behind has lost something, or not been heard for a while: its clock is set anew."""
BYTES_PER_SECOND = 8000


class Inbound:
    """One call's, 8 kHz μ-law; `now` is any steady clock's."""

    def __init__(self, numbers: Thresholds) -> None:
        self.voices = VoiceDetector(numbers)
        self.heard_at = 0.0
        """When the last of it came."""
        self._gate = EchoGate()
        self._canceller = EchoCanceller(self.voices.echo)
        self._origin = float("-inf")
        """Where the line's own clock begins."""
        self._bytes = self._learned = 0

    def hear(self, audio: bytes, now: float) -> tuple[bytes, list[VoiceStarted | VoiceEnded]]:
        """What has just come. Returns what the recogniser gets for it, and the voices that were noticed."""
        self._bytes += len(audio)
        self.heard_at = now
        events = self.voices.hear(audio, now)
        end = self._origin + self._bytes / BYTES_PER_SECOND
        if not abs(now - end) < GAP_SECONDS:
            self._origin = now - self._bytes / BYTES_PER_SECOND
            end = now
        if self.voices.hears_only_others(now):
            passed = self._gate.closed(audio)
            if self._bytes - self._learned >= LEARN_BYTES:
                self._learned = self._bytes
                self._canceller.alone(self._gate.held, end)
            return passed, events
        since = None
        for event in events:
            if isinstance(event, VoiceStarted):
                voice = _bytes(now - event.at)
                since = voice + _bytes(BREATH_SECONDS)
                self._canceller.alone((self._gate.held + audio)[:-voice], end - voice / BYTES_PER_SECOND)
        passed = self._gate.open(audio, since)
        return self._canceller.cancel(passed, end) if self.voices.echo.known else passed, events

    def rest(self) -> bytes:
        """What the recogniser has not got yet, when nothing more will come."""
        return self._gate.open(b"")

    def at(self, ms: int) -> float:
        """A moment of the recogniser's audio on the clock."""
        # Counted from the last frame, not from now: between two of them 20 ms pass.
        return self.heard_at - max(0.0, self._bytes / BYTES_PER_SECOND - ms / 1000)


def _bytes(seconds: float) -> int:
    return round(seconds * BYTES_PER_SECOND)
