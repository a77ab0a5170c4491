"""Rows as programs get them: the JSON API's field names. Every datetime is aware."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from app.services.language_model.interface import Item
from app.services.summarizer.interface import ActionItem


class LineRecord(msgspec.Struct, frozen=True):
    """One line of a transcript. Times are milliseconds since the stream's start.

    `error` says why the text cannot be read; it is left out of the JSON when it can.
    """

    seq: int
    speaker: Literal["user", "assistant"]
    text: str
    is_final: bool
    confidence: float | None
    started_ms: int
    ended_ms: int
    interrupted: bool
    revision: int
    error: str | UnsetType = UNSET


class SummaryRecord(msgspec.Struct, frozen=True):
    """What was written down about a call. `error` says why it cannot be read."""

    summary: str
    key_points: list[str]
    action_items: list[ActionItem]
    model: str
    created_at: datetime
    error: str | UnsetType = UNSET


class CallRecord(msgspec.Struct):
    """A call. `transcript` and `summary` are left out of the JSON until somebody fills them in."""

    call_sid: str
    user_id: str | None
    direction: str
    from_number: str
    to_number: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    answered_by: str | None
    """Twilio's verdict on who answered a call that was placed."""
    stats: dict[str, object]
    resumes: int
    transcript: list[LineRecord] | UnsetType = UNSET
    summary: SummaryRecord | UnsetType | None = UNSET


class ResumeState(msgspec.Struct, frozen=True):
    """What a stream needs to go on with a call that was begun elsewhere."""

    user_id: str | None
    end_reason: str | None
    resumes: int
    incomplete: bool
    """Its last stream's server did not write how that ended: lines of it may still come, out of a spool."""
    greeting: str | None
    """What to say first; None where we have not placed the call, or do not know it."""
    answered_by: str | None
    """By Twilio's word, of a call that we placed."""
    lines: list[LineRecord]
    items: list[Item]
