"""Hanging up for sure: a call that Twilio still holds after its conversation is ended by request."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import NoReturn

from app.telephony.rest import TelephonyError, TwilioRest

log = logging.getLogger(__name__)

ASKS_WITHIN_SECONDS = 3.0
"""From the end of a stream to Twilio's `/voice/next`. It asks as soon as the socket is closed, which is a
round trip; after this long it has not noticed, or its question was lost on the way."""

TWILIO_CALL = re.compile(r"CA[0-9a-f]{32}")


class HangingUp:
    """Watches calls that we are done with. Run `run` beside the calls; without it nothing is requested.

    With several processes Twilio may ask another one. Then the call is ended twice, which does no harm.
    """

    def __init__(self, rest: TwilioRest, asks_within: float = ASKS_WITHIN_SECONDS) -> None:
        self._rest = rest
        self._asks_within = asks_within
        self._expected: dict[str, asyncio.TimerHandle] = {}
        self._overdue: asyncio.Queue[str] = asyncio.Queue()

    def expect(self, call_sid: str) -> None:
        """Twilio should ask what to do with this call, and be told that it is over."""
        if TWILIO_CALL.fullmatch(call_sid):
            self.asked(call_sid)
            timer = asyncio.get_running_loop().call_later(self._asks_within, self._missed, call_sid)
            self._expected[call_sid] = timer

    def asked(self, call_sid: str) -> None:
        """Twilio has asked, or says that the call is over."""
        if timer := self._expected.pop(call_sid, None):
            timer.cancel()

    def _missed(self, call_sid: str) -> None:
        del self._expected[call_sid]
        self._overdue.put_nowait(call_sid)

    async def run(self) -> NoReturn:
        """End the calls about which Twilio did not ask in time."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._end(await self._overdue.get()))

    async def _end(self, call_sid: str) -> None:
        log.warning("call %s: Twilio did not ask what comes after its stream; the call is ended", call_sid)
        try:
            await self._rest.hang_up(call_sid)
        except TelephonyError as error:
            log.error("call %s: could not be ended and may go on, at your cost: %s", call_sid, error)  # noqa: TRY400
        except Exception:
            # Whatever it is, others' calls go on.
            log.exception("call %s: could not be ended and may go on, at your cost", call_sid)
