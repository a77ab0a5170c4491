"""The caller's side of the line: the voices in it, and what of it the recogniser gets. No I/O."""

from __future__ import annotations

from app.conversation.echo_gate import EchoGate
from app.conversation.voice_detector import VoiceDetector, VoiceEnded, VoiceStarted
from app.conversation.voice_thresholds import Thresholds

BREATH_SECONDS = 0.15
"""Soft first sounds come so long before a voice is noticed to have begun."""
BYTES_PER_SECOND = 8000


class Inbound:
    """One call's, 8 kHz μ-law; `now` is any steady clock's."""

    def __init__(self, numbers: Thresholds) -> None:
        self.voices = VoiceDetector(numbers)
        self.heard_at = 0.0
        """When the last of it came."""
        self._gate = EchoGate()
        self._bytes = 0

    def hear(self, audio: bytes, now: float) -> tuple[bytes, list[VoiceStarted | VoiceEnded]]:
        """What has just come. Returns what the recogniser gets for it, and the voices that were noticed."""
        self._bytes += len(audio)
        self.heard_at = now
        events = self.voices.hear(audio, now)
        if self.voices.hears_only_others(now):
            return self._gate.closed(audio), events
        began = next((event.at for event in events if isinstance(event, VoiceStarted)), None)
        since = None if began is None else round((now - began + BREATH_SECONDS) * BYTES_PER_SECOND)
        return self._gate.open(audio, since), events

    def rest(self) -> bytes:
        """What the recogniser has not got yet, when nothing more will come."""
        return self._gate.open(b"")

    def at(self, ms: int) -> float:
        """A moment of the recogniser's audio on the clock."""
        # Counted from the last frame, not from now: between two of them 20 ms pass.
        return self.heard_at - max(0.0, self._bytes / BYTES_PER_SECOND - ms / 1000)
