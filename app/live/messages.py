"""What goes over PostgreSQL's NOTIFY: pokes ("read again") and the words of lines that still grow. No I/O."""

from __future__ import annotations

from typing import Literal

import msgspec

from app.encryption import Encryption
from app.store.sealing import line_place

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


def encode(event: LiveEvent, encryption: Encryption | None = None) -> str:
    """A payload of at most LONGEST_PAYLOAD bytes: of a long interim the end, which is what moves. Its words
    are sealed: whoever may connect to the database may LISTEN.

    Only a call SID that is too long by itself makes it longer; PostgreSQL refuses that one.
    """
    if isinstance(event, Changed):
        return _encoder.encode(_Wire(event.call_sid, event.event)).decode()
    line = event.line
    seal = (encryption or Encryption()).seal
    while True:
        sealed = msgspec.structs.replace(line, text=seal(line.text, *line_place(event.call_sid, line.seq)))
        payload = _encoder.encode(_Wire(event.call_sid, "interim", sealed))
        surplus = len(payload) - LONGEST_PAYLOAD
        if surplus <= 0 or not line.text:
            return payload.decode()
        # A character is six bytes at the most here (\\u001f): what is cut is never too much by far.
        line = msgspec.structs.replace(line, text=line.text[max(1, surplus // 6) :])


def decode(payload: str, encryption: Encryption | None = None) -> LiveEvent:
    """The event of a payload.

    Raises:
        msgspec.DecodeError: somebody else used the channel.
        UnreadableError: its words were sealed with a key that is not known.
    """
    wire = _decoder.decode(payload)
    if wire.event == "interim":
        if wire.line is None:
            raise msgspec.ValidationError("an interim without its line")
        text = (encryption or Encryption()).open(wire.line.text, *line_place(wire.call_sid, wire.line.seq))
        return Interim(wire.call_sid, msgspec.structs.replace(wire.line, text=text))
    return Changed(wire.call_sid, wire.event)
