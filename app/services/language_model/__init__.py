"""The mind of a call: what was said in, what to say and do next out."""

from app.services.language_model.interface import (
    GoOn,
    HangUp,
    Item,
    ItemKind,
    LanguageModel,
    Message,
    ReplyError,
    ReplyEvent,
    SaveItem,
    Say,
    Talk,
    Transfer,
)

__all__ = [
    "GoOn",
    "HangUp",
    "Item",
    "ItemKind",
    "LanguageModel",
    "Message",
    "ReplyError",
    "ReplyEvent",
    "SaveItem",
    "Say",
    "Talk",
    "Transfer",
]
