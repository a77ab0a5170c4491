"""Google Cloud Speech-to-Text, v1 and v2."""

from app.services.speech_to_text.google.recogniser import GoogleSpeechToText

__all__ = ["GoogleSpeechToText"]
