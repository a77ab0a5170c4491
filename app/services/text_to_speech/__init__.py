"""Text to speech: a clause in, 8 kHz μ-law out."""

from app.services.text_to_speech.interface import SynthesisError, TextToSpeech

__all__ = ["SynthesisError", "TextToSpeech"]
