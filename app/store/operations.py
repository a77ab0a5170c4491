"""What a call asks the database to write: small values, given to `Writer.add` in the order they happened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import msgspec

from app.masking import mask_speech
from app.services.language_model.interface import Item

Speaker = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class CallRegistered:
    """The webhook has come, or the call was placed. One CallSid is one call: a second registration adds only
    what was not known.

    `greeting` is what to say first on a call that was placed; None: the caller came to us.
    """

    call_sid: str
    direction: str
    from_number: str
    to_number: str
    user_id: str | None
    status: str = "ringing"
    greeting: str | None = None


@dataclass(frozen=True, slots=True)
class CallRings:
    """A call that was placed rings somewhere."""

    call_sid: str


@dataclass(frozen=True, slots=True)
class CallAnswered:
    """Who has answered a call that was placed, by Twilio's word. The first one counts."""

    call_sid: str
    answered_by: str


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A stream has begun. It opens the call, known or not; one that was open before is resumed."""

    call_sid: str
    user_id: str | None
    started_at: datetime


@dataclass(frozen=True, slots=True)
class LineWritten:
    """The newest version of a line. One that still grows (`is_final` false) is shown live as well."""

    call_sid: str
    seq: int
    speaker: Speaker
    text: str
    is_final: bool
    confidence: float | None
    started_ms: int
    ended_ms: int
    interrupted: bool
    revision: int


@dataclass(frozen=True, slots=True)
class InterimHeard:
    """A guess at what the caller is saying: shown live, never stored."""

    call_sid: str
    seq: int
    speaker: Speaker
    text: str
    started_ms: int


@dataclass(frozen=True, slots=True)
class ItemSaved:
    """Something to keep. An item with the same id is replaced."""

    call_sid: str
    item: Item


@dataclass(frozen=True, slots=True)
class CallFinished:
    """The call is over. What is still growing becomes final, and its summary is ordered with it."""

    call_sid: str
    status: str
    end_reason: str
    ended_at: datetime
    stats: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallNotReached:
    """Twilio says that the call is over. It counts where no stream of it has begun: `reason` is how one that
    was placed came to nothing, one that came to us has never connected."""

    call_sid: str
    status: str
    reason: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """Nobody answered where the caller was to be connected: the call comes back, or is given up."""

    call_sid: str


Operation = (
    CallRegistered
    | CallRings
    | CallAnswered
    | CallStarted
    | LineWritten
    | InterimHeard
    | ItemSaved
    | CallFinished
    | CallNotReached
    | TransferFailed
)


def masked(operation: Operation) -> Operation:
    """The operation without the numbers and addresses of people in its words."""
    if isinstance(operation, LineWritten | InterimHeard):
        return replace(operation, text=mask_speech(operation.text))
    if isinstance(operation, ItemSaved):
        text = mask_speech(operation.item.text)
        return replace(operation, item=msgspec.structs.replace(operation.item, text=text))
    return operation
