"""Speech to text: 8 kHz μ-law in, what was said out."""

from app.services.speech_to_text.interface import (
    Deafened,
    Final,
    Interim,
    RecognitionError,
    RecognitionEvent,
    RecognitionStream,
    SpeechEnded,
    SpeechStarted,
    SpeechToText,
)

__all__ = [
    "Deafened",
    "Final",
    "Interim",
    "RecognitionError",
    "RecognitionEvent",
    "RecognitionStream",
    "SpeechEnded",
    "SpeechStarted",
    "SpeechToText",
]
