"""What goes over PostgreSQL's NOTIFY: pokes ("read again") and the words of lines that still grow. No I/O."""

from __future__ import annotations

from typing import Literal

import msgspec

CHANNEL = "offhook_live"

LONGEST_PAYLOAD = 7500
"""Bytes of UTF-8. NOTIFY takes less than 8000 (PostgreSQL 18, NOTIFY)."""


class Changed(msgspec.Struct, frozen=True):
    """Something was committed: whoever shows it reads it again."""

    call_sid: str
    event: Literal["lines", "status", "summary"]


class InterimLine(msgspec.Struct, frozen=True):
    """A line that is not final; the next one with its `seq` replaces it."""

    seq: int
    speaker: Literal["user", "assistant"]
    text: str
    started_ms: int


class Interim(msgspec.Struct, frozen=True):
    """The newest words of a line that still grows."""

    call_sid: str
    line: InterimLine


LiveEvent = Changed | Interim

EVERYTHING: tuple[Literal["lines", "status", "summary"], ...] = ("lines", "status", "summary")


class _Wire(msgspec.Struct, frozen=True, omit_defaults=True):
    call_sid: str
    event: Literal["lines", "status", "summary", "interim"]
    line: InterimLine | None = None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Wire)


def encode(event: LiveEvent) -> str:
    """A payload of at most LONGEST_PAYLOAD bytes: of a long interim the end, which is what moves.

    Only a call SID that is too long by itself makes it longer; PostgreSQL refuses that one.
    """
    if isinstance(event, Changed):
        return _encoder.encode(_Wire(event.call_sid, event.event)).decode()
    line = event.line
    while True:
        payload = _encoder.encode(_Wire(event.call_sid, "interim", line))
        surplus = len(payload) - LONGEST_PAYLOAD
        if surplus <= 0 or not line.text:
            return payload.decode()
        # A character is six bytes at the most here (\\u001f): what is cut is never too much by far.
        line = msgspec.structs.replace(line, text=line.text[max(1, surplus // 6) :])


def decode(payload: str) -> LiveEvent:
    """The event of a payload.

    Raises:
        msgspec.DecodeError: somebody else used the channel.
    """
    wire = _decoder.decode(payload)
    if wire.event == "interim":
        if wire.line is None:
            raise msgspec.ValidationError("an interim without its line")
        return Interim(wire.call_sid, wire.line)
    return Changed(wire.call_sid, wire.event)
