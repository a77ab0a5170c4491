"""Each language model says a word, the summary is written, and what the models' names are good for."""

from __future__ import annotations

import logging
import time
from contextlib import aclosing
from datetime import date, datetime

from app.check.finding import Finding, Level, bounded, ok, warning
from app.check.providers import ask_each, started
from app.errors import OffhookError
from app.services import choice
from app.services.language_model import LanguageModel, Message, ReplyError, Say, Talk
from app.settings import Settings

log = logging.getLogger(__name__)

TALK = (Message("assistant", "Hello, what can I do for you?"), Message("user", "Hello, can you hear me?"))


async def check_language(settings: Settings) -> list[Finding]:
    """Every model of LANGUAGE_MODEL.

    Raises:
        SettingError: the server would not start with these.
    """

    async def ask(model: LanguageModel) -> Finding:
        async with started(model):
            began = time.monotonic()
            async with aclosing(model.reply(Talk(TALK, (), datetime.now(settings.zone)))) as events:
                async for event in events:
                    if isinstance(event, Say):
                        seconds = time.monotonic() - began
                        return ok(model.name, f"answers, first word after {seconds:.2f} s.")
        raise ReplyError("There was an answer without a word.")

    return await ask_each(
        "LANGUAGE_MODEL", choice.minds(settings), ask, "callers hear nothing but apologies."
    )


async def check_summary(settings: Settings) -> list[Finding]:
    """The summariser, on a call of two sentences.

    Raises:
        SettingError: the server would not start with these settings.
    """
    summarizer = choice.summarizer(settings)

    async def summarize() -> Finding:
        began = time.monotonic()
        summary = await summarizer.summarize(TALK, (), datetime.now(settings.zone))
        if summary.model != summarizer.name:
            # Who stands in says for whom, and why.
            return warning(summarizer.name, f"the summary was written by {summary.model}.")
        return ok(summarizer.name, f"sums up a call, in {time.monotonic() - began:.1f} s.")

    return [await bounded(summarizer.name, summarize())]


async def check_models(settings: Settings) -> list[Finding]:
    """Models that are gone, or will be soon, or are not on the provider's list.

    Raises:
        SettingError: the server would not start with these settings.
    """
    wanted = models_in_use(settings)
    if not wanted:
        return []
    from app.services.openai_models import ServedModel, model_warnings, served_models

    findings = []
    try:
        served = await served_models(settings)
    except OffhookError as error:
        # What is announced is known without it.
        served = [ServedModel(model, None) for models in wanted.values() for model in models]
        findings.append(warning("GET /v1/models", f"dates could not be looked up: {error}"))
    today = date.today()
    for text in model_warnings(wanted, served, today, own_server=bool(settings.openai_base_url)):
        setting, _, problem = text.partition(": ")
        findings.append(warning(setting, problem))
    names = ", ".join(dict.fromkeys(model for models in wanted.values() for model in models))
    return findings or [ok("models", f"none will be shut down soon: {names}.")]


def models_in_use(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The OpenAI models that calls will use, by setting.

    Raises:
        SettingError: a provider is named that cannot be used.
    """
    thinking = {model.name for model in choice.minds(settings)} | {choice.summarizer(settings).name}
    speaks = any(voice.name == "openai" for voice in choice.voices(settings))
    if thinking == {"local"} and not speaks:
        return {}
    from app.services.openai_models import wanted_models

    voices = ("OPENAI_SPEECH_MODEL", "OPENAI_REALTIME_MODEL")
    wanted = {
        setting: models if setting in voices else tuple(model for model in models if model in thinking)
        for setting, models in wanted_models(settings).items()
        if speaks or setting not in voices
    }
    return {setting: models for setting, models in wanted.items() if models}


async def warn_of_models(settings: Settings) -> None:
    """At a server's start: a line in the log for each model that is gone or will be soon. Never fails."""
    try:
        for finding in await check_models(settings):
            if finding.level is not Level.OK:
                log.warning("%s: %s", finding.subject, finding.text)
    except Exception as error:
        log.warning("the models' dates could not be looked up (%s)", type(error).__name__)
