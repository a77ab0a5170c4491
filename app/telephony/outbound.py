"""Calling out: a call is placed with Twilio, and is a call of ours from then on."""

from __future__ import annotations

import re

import msgspec

from app.calls import Calls
from app.settings import Settings
from app.store.operations import CallRegistered
from app.store.records import CallRecord
from app.telephony.rest import TelephonyError, TwilioRest

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""An international number (ITU-T E.164): a plus and at most fifteen digits. None has fewer than seven."""


class NotConfiguredError(TelephonyError):
    """No account, or no number to call from."""


class InvalidNumberError(TelephonyError):
    """Not a number that can be called."""


class NoRoomError(TelephonyError):
    """If the call were answered now, there would be nobody to talk."""


class CallOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to call, whose call that is, and what to say first. Without `user_id`: the user whose number it
    is. Without `greeting`: AGENT_GREETING."""

    to: str
    user_id: str | None = None
    greeting: str | None = None


class Outbound:
    """Places calls. Twilio then asks `/voice/incoming`, as for every other call."""

    def __init__(self, settings: Settings, rest: TwilioRest | None, calls: Calls) -> None:
        """`rest` is None where no account is configured."""
        self._settings = settings
        self._rest = rest
        self._calls = calls

    async def place(self, order: CallOrder) -> CallRecord:
        """Call somebody. Returns as soon as Twilio has taken the call on, before it rings.

        Raises:
            InvalidNumberError, NotConfiguredError, NoRoomError: nothing was asked of Twilio.
            TooManyWaitingError, RefusedByTwilioError, UnreachableError: see `TwilioRest.place`.
        """
        settings, manager = self._settings, self._calls.manager
        if not E164.fullmatch(order.to):
            raise InvalidNumberError("to is an international number such as +14155550123, without blanks.")
        if self._rest is None or not settings.twilio_phone_number:
            raise NotConfiguredError(
                "Calling out needs TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_PHONE_NUMBER."
            )
        if manager.draining or len(manager) >= settings.max_calls:
            raise NoRoomError("The server is about to stop, or has as many calls as it may. Try again later.")
        user_id = order.user_id or await self._calls.user_of(order.to)
        placed = await self._rest.place(order.to)
        call = CallRegistered(
            placed.call_sid,
            "outbound",
            settings.twilio_phone_number,
            order.to,
            user_id,
            status=placed.status,
            greeting=order.greeting or settings.agent_greeting,
        )
        await self._calls.placed(call)
        return CallRecord(
            call_sid=call.call_sid,
            user_id=call.user_id,
            direction=call.direction,
            from_number=call.from_number,
            to_number=call.to_number,
            status=call.status,
            started_at=None,
            ended_at=None,
            end_reason=None,
            answered_by=None,
            stats={},
            resumes=0,
        )
