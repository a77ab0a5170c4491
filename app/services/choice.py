"""Which adapter serves: decided from the settings, here and nowhere else."""

from __future__ import annotations

from app.services.language_model import LanguageModel
from app.services.language_model.local import OPENINGS, LocalLanguageModel
from app.services.speech_to_text import SpeechToText
from app.services.speech_to_text.local import LocalSpeechToText
from app.services.summarizer import Summarizer
from app.services.summarizer.local import LocalSummarizer
from app.services.text_to_speech.local import LocalTextToSpeech
from app.services.text_to_speech.phrase_cache import PhraseCache
from app.settings import Settings


def ears(settings: Settings) -> SpeechToText:
    """The recogniser that SPEECH_TO_TEXT prefers."""
    return LocalSpeechToText(settings)


def voice(settings: Settings) -> PhraseCache:
    """The voice that TEXT_TO_SPEECH prefers, with its repeated phrases made ahead."""
    return PhraseCache(LocalTextToSpeech(settings))


def mind(settings: Settings) -> LanguageModel:
    """The language model that LANGUAGE_MODEL prefers."""
    return LocalLanguageModel(settings)


def openings() -> tuple[str, ...]:
    """What replies often begin with: made ahead, they cost nothing when they are needed."""
    return OPENINGS


def summarizer(_settings: Settings) -> Summarizer:
    """What writes the summaries."""
    return LocalSummarizer()
