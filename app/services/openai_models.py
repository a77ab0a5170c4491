"""Which models are there, and which will not be for long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import openai

from app.errors import OffhookError
from app.services.openai_client import fault_of, openai_client
from app.settings import Settings

NEAR = timedelta(days=90)
"""How long ahead a shutdown is warned of: time enough to try another model in peace."""
SECONDS = 10.0

RETIRED = {
    "gpt-5": ("2026-12-11", "gpt-5.6-sol"),
    "gpt-5-mini": ("2026-12-11", "gpt-5.6-sol"),
    "gpt-5-nano": ("2026-12-11", "gpt-5.6-sol"),
    "o3": ("2026-12-11", "gpt-5.6-sol"),
    "tts-1": ("2027-01-06", "gpt-realtime-2.1-mini, as OPENAI_REALTIME_MODEL"),
    "tts-1-hd": ("2027-01-06", "gpt-realtime-2.1-mini, as OPENAI_REALTIME_MODEL"),
    "gpt-4o-mini-tts": ("2027-01-06", "gpt-realtime-2.1-mini, as OPENAI_REALTIME_MODEL"),
    "gpt-4o": ("2027-01-14", "gpt-6-luna"),
    "gpt-4o-mini": ("2027-01-14", "gpt-6-luna"),
    "gpt-4.1": ("2027-01-14", "gpt-6-luna"),
    "gpt-4.1-mini": ("2027-01-14", "gpt-6-luna"),
    "gpt-realtime": ("2027-01-20", "gpt-realtime-2.1"),
    "gpt-realtime-mini": ("2027-01-20", "gpt-realtime-2.1-mini"),
    "whisper-1": ("2027-02-26", "gpt-transcribe"),
    "gpt-4o-transcribe": ("2027-02-26", "gpt-transcribe"),
    "gpt-4o-mini-transcribe": ("2027-02-26", "gpt-transcribe"),
    "gpt-4": ("", "gpt-6-luna"),
    "gpt-3.5-turbo": ("", "gpt-6-luna"),
    "gpt-4o-realtime-preview": ("", "gpt-realtime-2.1"),
}
"""OpenAI's own, as announced by November 2026: what GET /v1/models no longer lists once it is gone, and what
to take instead. Without a date: gone by then."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as the server lists it. `shutdown` is None where none is announced."""

    id: str
    shutdown: date | None


async def served_models(settings: Settings) -> list[ServedModel]:
    """Ask the server (GET /v1/models).

    Raises:
        OffhookError: it does not tell; the message says why and what to do.
    """
    try:
        async with openai_client(settings, seconds=SECONDS) as client:
            return [ServedModel(model.id, _day(model.shutdown_date)) async for model in client.models.list()]
    except (openai.OpenAIError, AttributeError, TypeError, ValueError) as error:
        raise OffhookError(fault_of(error, "The list of models").words) from error


def wanted_models(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The models that the settings name, by setting."""
    wanted = {
        "OPENAI_MODEL": settings.openai_model,
        "OPENAI_SUMMARY_MODEL": (settings.openai_summary_model,),
        "OPENAI_SPEECH_MODEL": (settings.openai_speech_model,),
        # Not used where the other voice is.
        "OPENAI_REALTIME_MODEL": () if settings.openai_speech_model else (settings.openai_realtime_model,),
    }
    return {setting: tuple(filter(None, models)) for setting, models in wanted.items()}


def model_warnings(
    wanted: Mapping[str, Sequence[str]], served: Iterable[ServedModel], today: date, *, own_server: bool
) -> list[str]:
    """One sentence for each model that is gone, will be soon, or is not on the list.

    `own_server`: OPENAI_BASE_URL is set, so OpenAI's own dates do not count.
    """
    listed = {model.id: model.shutdown for model in served}
    warnings = []
    for setting, models in wanted.items():
        for model in models:
            announced, instead = ("", "") if own_server else RETIRED.get(model, ("", ""))
            shutdown = listed.get(model) or _day(announced)
            remedy = f" Set {setting} to {instead or 'a model that stays'}."
            if shutdown and shutdown <= today:
                warnings.append(f"{setting}: {model} was shut down on {_spoken(shutdown)}.{remedy}")
            elif model not in listed:
                gone = f"{model} was shut down" if instead and not announced else f"there is no {model}"
                warnings.append(f"{setting}: {gone}.{remedy}")
            elif shutdown and shutdown <= today + NEAR:
                warnings.append(f"{setting}: {model} will be shut down on {_spoken(shutdown)}.{remedy}")
    return warnings


def _day(text: Any) -> date | None:
    """The day of a date or a timestamp in ISO 8601. Not every compatible server sends one."""
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None


def _spoken(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
