"""A talk with the local assistant without a telephone: what a call does with its replies, and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from app.services.language_model import HangUp, Item, Message, ReplyEvent, SaveItem, Say, Talk, Transfer
from app.services.language_model.local import decide

BERLIN = ZoneInfo("Europe/Berlin")
SATURDAY_MORNING = datetime(2026, 11, 21, 8, 12, 30, tzinfo=BERLIN)
"""21 November 2026, 8:12."""


def ids() -> Callable[[], str]:
    """A source of item ids that are the same in every run."""
    numbers = count(1)
    return lambda: f"{next(numbers):032x}"


class Talking:
    """Say something; the items and messages are kept as a call keeps them."""

    def __init__(self, now: datetime = SATURDAY_MORNING, *, can_transfer: bool = False) -> None:
        self.now = now
        self.messages: list[Message] = []
        self.items: dict[str, Item] = {}
        self.events: list[ReplyEvent] = []
        self._can_transfer = can_transfer
        self._new_id = ids()

    def say(self, text: str, *, heard: int | None = None) -> str:
        """What is answered. `heard`: the caller interrupts after so many characters of the answer."""
        self.messages.append(Message("user", text))
        talk = Talk(tuple(self.messages), tuple(self.items.values()), self.now)
        self.events = decide(talk, can_transfer=self._can_transfer, new_id=self._new_id)
        for event in self.events:
            if isinstance(event, SaveItem):
                self.items[event.item.id] = event.item
        answer = spoken(self.events)
        self.messages.append(Message("assistant", answer[:heard], interrupted=heard is not None))
        self.now += timedelta(seconds=10)
        return answer

    @property
    def item(self) -> Item:
        """The newest item."""
        return list(self.items.values())[-1]

    @property
    def kept(self) -> list[tuple[str, str, str]]:
        """Kind, text and state of every item."""
        return [(item.kind, item.text, item.state) for item in self.items.values()]

    @property
    def due(self) -> str:
        """When the newest item is due, in short: "Sun 22 Nov 15:00"."""
        return f"{self.item.due_at:%a %d %b %H:%M}" if self.item.due_at else ""

    def hung_up(self) -> bool:
        """Whether the last answer ends the call."""
        return any(isinstance(event, HangUp) for event in self.events)

    def transferred(self) -> bool:
        """Whether the last answer connects the caller to a person."""
        return any(isinstance(event, Transfer) for event in self.events)


def spoken(events: list[ReplyEvent]) -> str:
    """The words of a reply."""
    return "".join(event.text for event in events if isinstance(event, Say))
