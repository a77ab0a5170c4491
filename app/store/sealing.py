"""Which words of which rows are sealed, and to what each is bound. No I/O."""

from __future__ import annotations

from typing import Any

import msgspec

from app.encryption import Encryption

Place = tuple[str | int, ...]
"""A table and the primary key of one of its rows; in `calls` and `call_summaries`, a column as well."""


def line_place(call_sid: str, seq: int) -> Place:
    """Where a line is. Its interims are bound to the same place."""
    return ("transcript_lines", call_sid, seq)


def item_place(item_id: str) -> Place:
    return ("call_items", item_id)


def greeting_place(call_sid: str) -> Place:
    """Where the first words of a call that was placed are."""
    return ("calls", call_sid, "greeting")


def summary_place(call_sid: str, column: str) -> Place:
    return ("call_summaries", call_sid, column)


def seal_summary(encryption: Encryption, call_sid: str, values: dict[str, Any]) -> dict[str, Any]:
    """The columns of a summary as they may be stored. A sealed list is a JSON string in its JSONB column."""
    if not encryption:
        return values
    sealed = {"summary": encryption.seal(values["summary"], *summary_place(call_sid, "summary"))}
    for column in ("key_points", "action_items"):
        text = msgspec.json.encode(values[column]).decode()
        sealed[column] = encryption.seal(text, *summary_place(call_sid, column))
    return values | sealed


def open_summary(encryption: Encryption, call_sid: str, values: dict[str, Any]) -> dict[str, Any]:
    """The columns of a summary as they were, sealed or not.

    Raises:
        UnreadableError: one of them cannot be opened.
    """
    opened = {"summary": encryption.open(values["summary"], *summary_place(call_sid, "summary"))}
    for column in ("key_points", "action_items"):
        stored = values[column]
        if isinstance(stored, str):
            opened[column] = msgspec.json.decode(encryption.open(stored, *summary_place(call_sid, column)))
    return values | opened
