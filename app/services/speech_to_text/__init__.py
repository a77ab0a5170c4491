"""Speech to text: 8 kHz μ-law in, what was said out."""

from app.services.speech_to_text.interface import (
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
    "Final",
    "Interim",
    "RecognitionError",
    "RecognitionEvent",
    "RecognitionStream",
    "SpeechEnded",
    "SpeechStarted",
    "SpeechToText",
]
