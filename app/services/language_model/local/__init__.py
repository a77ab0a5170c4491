"""The language model that needs no network: rules for notes, reminders, todos and appointments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from app.services.language_model.interface import ReplyEvent, Talk
from app.services.language_model.local.assistant import decide
from app.services.language_model.local.when import find_when
from app.services.language_model.local.wording import OPENINGS
from app.settings import Settings

__all__ = ["OPENINGS", "LocalLanguageModel", "decide"]


class LocalLanguageModel:
    """An assistant made of rules. It keeps nothing: the same talk gets the same reply."""

    name = "local"

    def __init__(self, settings: Settings) -> None:
        self._can_transfer = bool(settings.transfer_number)

    async def start(self) -> None:
        """Load dateparser's English, which takes longer (0.1 to 1 s) than all that comes after."""
        await asyncio.to_thread(find_when, "tomorrow", datetime.now(UTC))

    async def aclose(self) -> None:
        """There is nothing to let go of."""

    def warm(self) -> None:
        """There is nothing to wait for."""

    async def reply(self, talk: Talk) -> AsyncGenerator[ReplyEvent, None]:
        """What to say and do next. Items come first: what was promised counts from the first word heard."""
        for event in decide(talk, can_transfer=self._can_transfer):
            yield event
