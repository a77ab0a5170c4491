"""What is written down about a call when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from app.services.language_model.interface import Item, ItemKind, Message


class ActionItem(msgspec.Struct, frozen=True):
    """Something somebody has to do."""

    text: str
    due_at: datetime | None = None
    kind: ItemKind | None = None


class Summary(msgspec.Struct, frozen=True):
    """A call in short. `model` names what wrote it."""

    summary: str
    key_points: tuple[str, ...]
    action_items: tuple[ActionItem, ...]
    model: str


class SummaryError(Exception):
    """There is no summary; the message says why, in an operator's words."""


class Summarizer(Protocol):
    """Writes the summary of a call that is over."""

    name: str

    async def summarize(self, messages: Sequence[Message], items: Sequence[Item], now: datetime) -> Summary:
        """`messages` in order, `items` as last saved; `now` is the end of the call (aware).

        Raises:
            SummaryError: there is none to be had.
        """
