"""The local summariser stands in where another fails, and says so."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

import msgspec

from app import metrics
from app.services.language_model.interface import Item, Message
from app.services.summarizer.interface import Summarizer, Summary, SummaryError

log = logging.getLogger(__name__)


class FailoverSummarizer:
    """The first summariser's summary; failing that, the second's, whose `model` tells why."""

    def __init__(self, first: Summarizer, second: Summarizer) -> None:
        self.name = first.name
        self._first = first
        self._second = second

    async def summarize(self, messages: Sequence[Message], items: Sequence[Item], now: datetime) -> Summary:
        """`messages` in order, `items` as last saved; `now` is the end of the call (aware)."""
        try:
            return await self._first.summarize(messages, items, now)
        # Whatever it was: a call without a summary is worse.
        except Exception as error:
            unforeseen = not isinstance(error, SummaryError)
            reason = f"{self.name}: {error!r}" if unforeseen else str(error)
            log.warning("%s %s writes the summary instead", reason, self._second.name, exc_info=unforeseen)
            metrics.PROVIDER_SWITCHES.labels(service="summarizer", to=self._second.name).inc()
        summary = await self._second.summarize(messages, items, now)
        return msgspec.structs.replace(summary, model=f"{summary.model} (after {reason})")
