"""What a recogniser owes a caller who has spoken, and until when. No I/O; times are those of one clock."""

from __future__ import annotations

from app.services.speech_to_text.interface import Final, Interim, RecognitionEvent, SpeechEnded, SpeechStarted
from app.services.speech_to_text.tail import Tail

NOTICED_MS = 500
"""So much of a voice without any answer is suspicious, a cough is not; so much silence is the end of what was
said, or a pause in it."""
TO_SETTLE = 0.6
"""Of the seconds granted: what was said is final within about one after the voice has stopped, and whoever
takes over still has to hear it, and to be answered, within three."""


class Debt:
    """A voice is owed a sign that it is heard, and words that were heard are owed their final."""

    def __init__(self, seconds: float, voiced_ms: int) -> None:
        """`seconds` may pass without any answer; `voiced_ms` of a voice were there before."""
        self._seconds = seconds
        self._voiced_ms = voiced_ms
        self._voice = False
        self._words = False
        self._silent_due: float | None = None
        self._settle_due: float | None = None

    def answered(self, event: RecognitionEvent, voiced_ms: int) -> None:
        """The recogniser has said something."""
        match event:
            case SpeechStarted():
                self._voice = True
            case SpeechEnded():
                self._voice = False
            case Interim():
                self._words = True
            case Final():
                self._words = self._voice = False
        self._voiced_ms = voiced_ms
        self._silent_due = self._settle_due = None

    def due(self, tail: Tail, now: float) -> float | None:
        """When to wait no longer, as things stand; None: nothing is owed. Ask ten times a second."""
        noticed = NOTICED_MS / 1000
        if self._silent_due is None and tail.voiced_ms - self._voiced_ms >= NOTICED_MS:
            self._silent_due = now + self._seconds - noticed
        if not ((self._words or self._voice) and tail.quiet_ms >= NOTICED_MS):
            self._settle_due = None
        elif self._settle_due is None:
            self._settle_due = now + self._seconds * TO_SETTLE - noticed
        return min(filter(None, (self._silent_due, self._settle_due)), default=None)
