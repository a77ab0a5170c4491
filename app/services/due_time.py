"""A time as a language model writes it. Pure."""

from __future__ import annotations

from datetime import datetime


def parse_due(text: str, now: datetime) -> datetime:
    """ISO 8601 with date, time and offset, as a moment in the time zone of `now`.

    Raises:
        ValueError: it is something else; the message says what to write instead.
    """
    try:
        due = datetime.fromisoformat(text)
        if due.tzinfo is not None and "T" in text.upper().replace(" ", "T"):
            return due.astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"due_at is {text!r}, not like {now.isoformat(timespec='seconds')}, with its offset")
