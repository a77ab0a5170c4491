"""What every language model gives a call: a reply as a stream of words and deeds.

A model keeps nothing between replies. All it knows comes in the `Talk`, so a reply can be thrown away
when the caller goes on talking, and a call can go on in another process.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Literal, Protocol

import msgspec

ItemKind = Literal["note", "reminder", "todo", "appointment"]


class Item(msgspec.Struct, frozen=True):
    """Something the caller wants kept.

    A `draft` still lacks something that was asked for; `cancelled` was taken back. Saving an item with an
    id that exists replaces it: that is how a correction works.
    """

    id: str
    """32 hexadecimal digits."""
    kind: ItemKind
    text: str
    """What to remember, without the words that asked for it: "call Anna"."""
    due_at: datetime | None = None
    """With a time zone. None: no time was named."""
    state: Literal["draft", "noted", "cancelled"] = "noted"


class Message(msgspec.Struct, frozen=True):
    """One turn of the talk. An assistant's text is exactly what the caller heard of it."""

    speaker: Literal["user", "assistant"]
    text: str
    interrupted: bool = False


class Talk(msgspec.Struct, frozen=True):
    """Everything a model may know when it replies. The last message is the caller's."""

    messages: tuple[Message, ...]
    items: tuple[Item, ...]
    """Everything noted so far, oldest first, drafts and cancelled ones included."""
    now: datetime
    """The present in the caller's time zone (aware)."""


class Say(msgspec.Struct, frozen=True):
    """Words to speak; streamed, so a sentence may come in many pieces."""

    text: str


class SaveItem(msgspec.Struct, frozen=True):
    """Keep this item, or replace the one with its id."""

    item: Item


class HangUp(msgspec.Struct, frozen=True):
    """End the call once everything said has been heard."""


class Transfer(msgspec.Struct, frozen=True):
    """Connect the caller to a person once everything said has been heard."""


class GoOn(msgspec.Struct, frozen=True):
    """Say the rest of what the caller cut off: what they said over it asks for nothing."""


class ReplyError(Exception):
    """A model could not reply, or broke off; the message says why."""


ReplyEvent = Say | SaveItem | HangUp | Transfer | GoOn


class LanguageModel(Protocol):
    """A mind, shared by all calls of a process."""

    name: str

    async def start(self) -> None:
        """Load what is needed. Returns when calls can be taken."""

    async def aclose(self) -> None:
        """Let go of everything."""

    def warm(self) -> None:
        """A call is about to begin: make ready what its first reply would wait for. Returns at once."""

    def reply(self, talk: Talk) -> AsyncGenerator[ReplyEvent, None]:
        """What to say and do next. Closing the generator cancels it; nothing it yielded is kept then."""
