"""What the model can do besides talk: its tools, and what a call of one comes to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import uuid4

import msgspec
from openai.types.chat import ChatCompletionToolParam

from app.services.due_time import parse_due
from app.services.language_model.interface import HangUp, Item, ItemKind, SaveItem, Transfer
from app.services.language_model.openai.completion import ToolCall

LONGEST_TEXT = 1000
"""Characters of an item's text: a minute of speech."""

Deed = SaveItem | HangUp | Transfer


class BadCallError(Exception):
    """A tool was called in a way that means nothing. The message tells the model what is wrong."""


class SaveItemArguments(msgspec.Struct, forbid_unknown_fields=True):
    """What `save_item` takes."""

    kind: ItemKind
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TEXT)]
    due_at: str | None = None
    id: str | None = None
    state: Literal["draft", "noted", "cancelled"] = "noted"


def tools_for(*, can_transfer: bool) -> list[ChatCompletionToolParam]:
    """The tools as the request declares them."""
    tools = [
        _tool("save_item", "Keep an item for the caller, or replace the one with the given id.", SAVE_ITEM),
        _tool("hang_up", "End the call, once what you say now has been heard.", NOTHING),
    ]
    if can_transfer:
        tools.append(_tool("transfer", "Connect the caller to a person, once you have been heard.", NOTHING))
    return tools


def deed_of(call: ToolCall, items: Mapping[str, Item], now: datetime, *, can_transfer: bool) -> Deed:
    """What a call of a tool does. `items` by id; a time is returned in the time zone of `now`.

    Raises:
        BadCallError: there is no such tool, or the arguments do not fit.
    """
    match call.name:
        case "save_item":
            return SaveItem(_item(call.arguments, items, now))
        case "hang_up":
            return HangUp()
        case "transfer" if can_transfer:
            return Transfer()
        case _:
            raise BadCallError(f"there is no tool {call.name!r}")


def _item(arguments: str, items: Mapping[str, Item], now: datetime) -> Item:
    try:
        given = msgspec.json.decode(arguments, type=SaveItemArguments)
        due_at = parse_due(given.due_at, now) if given.due_at else None
    except ValueError as error:
        raise BadCallError(str(error)) from error
    if not given.text.strip():
        raise BadCallError("text is empty")
    if given.id and given.id not in items:
        raise BadCallError(f"there is no item with id {given.id!r}; leave id null for a new item")
    before = items[given.id].due_at if given.id else None
    if given.kind == "reminder" and given.state == "noted" and due_at and due_at < now and due_at != before:
        raise BadCallError(f"due_at has passed: it is {now.isoformat(timespec='seconds')}")
    return Item(given.id or uuid4().hex, given.kind, given.text.strip(), due_at, given.state)


def _tool(name: str, description: str, parameters: dict[str, Any]) -> ChatCompletionToolParam:
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters, "strict": True},
    }


NOTHING: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}

# Strict mode wants every property required; what may be left out is null instead.
SAVE_ITEM: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"type": "string", "enum": ["note", "reminder", "todo", "appointment"]},
        "text": {
            "type": "string",
            "description": "What to remember, without the words that asked for it: “call Anna”.",
        },
        "due_at": {
            "type": ["string", "null"],
            "description": "ISO 8601 with offset: 2026-11-22T15:00:00+01:00. Null: no time was named.",
        },
        "id": {"type": ["string", "null"], "description": "Of the item to replace. Null: a new one."},
        "state": {
            "type": "string",
            "enum": ["noted", "draft", "cancelled"],
            "description": "draft: something is still missing. cancelled: the caller took it back.",
        },
    },
    "required": ["kind", "text", "due_at", "id", "state"],
    "additionalProperties": False,
}
