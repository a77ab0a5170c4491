"""Twilio's webhooks: a call comes in, its stream has ended, its status has changed."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import metrics
from app.api.json import error_answer
from app.calls import Calls
from app.conversation.opening import VERDICTS
from app.identifiers import is_call_sid
from app.limits.callers import is_local
from app.limits.users import UserLimit
from app.settings import Settings
from app.store.operations import CallRegistered
from app.telephony import twiml
from app.telephony.signatures import Signatures
from app.telephony.tokens import StreamTokens

log = logging.getLogger(__name__)

OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
"""The values of CallStatus after which there is no call."""

ANSWERED = frozenset({"completed", "answered"})
"""The values of DialCallStatus after which the caller has talked to somebody."""

MAX_FORM_FIELDS = 200
MAX_TRIES = 30
"""How often a call may be told to ask again or be given another stream: half a minute in which nobody can
serve it, or a call that breaks every stream."""
BUSY = "All our lines are busy. Please call again in a few minutes. Goodbye."
NOBODY = "Nobody could answer. Please try again later. Goodbye."
SORRY = "We are sorry, the line is in trouble. Please call again later. Goodbye."

Handler = Callable[[FormData, int], Awaitable[Response]]
"""Takes the form, and how often this call has been told to try again."""


class Webhooks:
    """The endpoints. Every one is checked for Twilio's signature before its form is used."""

    def __init__(
        self,
        settings: Settings,
        signatures: Signatures,
        tokens: StreamTokens,
        calls: Calls,
        users: UserLimit,
    ) -> None:
        self._settings = settings
        self._signatures = signatures
        self._tokens = tokens
        self._calls = calls
        self._users = users

    def routes(self) -> list[Route]:
        handlers: dict[str, Handler] = {
            "/voice/incoming": self.incoming,
            "/voice/next": self.next,
            "/voice/amd": self.answered_by,
            "/voice/status": self.status,
            "/voice/stream-status": self.stream_status,
        }
        return [Route(path, self._signed(handler), methods=["POST"]) for path, handler in handlers.items()]

    def _signed(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            # Twilio signs the URL as it asks for it; `request.url` is what Starlette makes of it and of Host.
            path, query = (request.scope[part].decode("ascii") for part in ("raw_path", "query_string"))
            body = await _body(request)
            if not self._signatures.webhook(path, query, body, request.headers):
                return _refuse("unsigned", "The request is not signed by Twilio.")
            if not self._signatures.required and not is_local(request):
                return _refuse(
                    "not_local", "Without TWILIO_AUTH_TOKEN only programs on the same machine are served."
                )
            form = _fields(body) if isinstance(body, str) else body
            if not is_call_sid(_text(form, "CallSid")):
                return error_answer(
                    400, "invalid_call_sid", "CallSid is missing or no SID. This is for Twilio."
                )
            response = await handler(form, _tries(request))
            # The next question is for whoever is there then: this process may be about to stop, or dead.
            response.headers["Connection"] = "close"
            return response

        return endpoint

    async def incoming(self, form: FormData, tries: int) -> Response:
        """A caller dials the number, or somebody whom we called has answered."""
        calls = self._calls
        # Twilio's fallback: where it asked before, in whatever part of the call, nobody answered.
        if _text(form, "ErrorUrl") and await calls.knows(_text(form, "CallSid")):
            return await self.next(form, tries)
        too_late = tries >= MAX_TRIES
        if too_late or len(calls.manager) >= self._settings.max_calls:
            metrics.REFUSED.labels(reason="draining" if too_late else "max_calls").inc()
            return twiml.say_and_hang_up(SORRY if _outbound(form) else BUSY)
        if not calls.accepting:
            return twiml.hold(self._settings, "/voice/incoming", tries + 1)
        call_sid = _text(form, "CallSid")
        # Whose call it is that we placed was settled when it was placed.
        user_id = None if _outbound(form) else await calls.user_of(_text(form, "From"))
        if await self._users.reached(user_id):
            metrics.REFUSED.labels(reason="user_limit").inc()
            return twiml.say_and_hang_up(BUSY)
        await calls.register(_call(form, user_id))
        return twiml.connect_stream(self._settings, self._tokens.issue(call_sid, user_id), tries)

    async def next(self, form: FormData, tries: int) -> Response:
        """The stream has ended, the call may go on: `action` of `<Connect>`."""
        call_sid = _text(form, "CallSid")
        if _text(form, "CallStatus") in OVER:
            return twiml.hang_up()
        if dialled := _text(form, "DialCallStatus"):
            # The transfer is over: the person has hung up, or nobody was there.
            if dialled in ANSWERED:
                return twiml.hang_up()
            if await self._calls.transfer_failed(call_sid):
                return self._go_on(call_sid, tries + 1)
            return twiml.say_and_hang_up(NOBODY)
        match await self._calls.what_next(call_sid):
            case "stream":
                return self._go_on(call_sid, tries + 1)
            case "transfer" if self._settings.transfer_number:
                # A carrier may refuse to show the number of somebody who did not call.
                return twiml.transfer(self._settings, _text(form, "From") if _outbound(form) else "", tries)
            case "give_up":
                return twiml.say_and_hang_up(SORRY)
            case _:
                return twiml.hang_up()

    def _go_on(self, call_sid: str, tries: int) -> Response:
        """Another stream, here or in a process that can serve it."""
        if tries > MAX_TRIES:
            return twiml.say_and_hang_up(SORRY)
        if not self._calls.accepting:
            return twiml.hold(self._settings, "/voice/next", tries)
        return twiml.connect_stream(self._settings, self._tokens.issue(call_sid), tries)

    async def status(self, form: FormData, _tries: int) -> Response:
        """The call's status has changed."""
        call_sid, status = _text(form, "CallSid"), _text(form, "CallStatus")
        if _outbound(form):
            # It may have failed before whoever placed it has written it down.
            self._calls.is_known(_call(form, None))
        if status in OVER:
            self._calls.end(call_sid, status)
        elif status == "ringing":
            self._calls.rings(call_sid)
        return Response(status_code=204)

    async def answered_by(self, form: FormData, _tries: int) -> Response:
        """Twilio has found out who answered a call that we placed."""
        verdict = _text(form, "AnsweredBy")
        self._calls.answered(_text(form, "CallSid"), VERDICTS.get(verdict, "unknown"))
        return Response(status_code=204)

    async def stream_status(self, form: FormData, _tries: int) -> Response:
        """The stream has started, stopped or failed, as Twilio sees it."""
        if _text(form, "StreamEvent") == "stream-error":
            log.error(
                "call %s: Twilio reports a stream error: %s",
                _text(form, "CallSid"),
                _text(form, "StreamError"),
            )
        return Response(status_code=204)


def _outbound(form: FormData) -> bool:
    """Whether it is a call that we placed."""
    return _text(form, "Direction").startswith("outbound")


def _call(form: FormData, user_id: str | None) -> CallRegistered:
    direction = "outbound" if _outbound(form) else "inbound"
    return CallRegistered(_text(form, "CallSid"), direction, _text(form, "From"), _text(form, "To"), user_id)


async def _body(request: Request) -> FormData | str:
    """The form, or the text of a body that is JSON.

    Raises:
        HTTPException: 400, it is neither.
    """
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            return (await request.body()).decode()
        except UnicodeDecodeError:
            raise HTTPException(400, "The body is not UTF-8.") from None
    # Twilio sends no other. Without a body there is nothing to sign but the URL.
    if kind not in ("application/x-www-form-urlencoded", ""):
        raise HTTPException(415, "Webhooks are forms or JSON.")
    return await request.form(max_files=0, max_fields=MAX_FORM_FIELDS)


def _fields(body: str) -> FormData:
    """The texts of a JSON object, as a form has them. Anything else has none."""
    try:
        values = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return FormData()
    return FormData({name: value for name, value in values.items() if isinstance(value, str)})


def _tries(request: Request) -> int:
    count = request.query_params.get("tries", "")
    return int(count) if re.fullmatch(r"[0-9]{1,4}", count) else 0


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value[:400] if isinstance(value, str) else ""


def _refuse(reason: str, message: str) -> Response:
    metrics.REFUSED.labels(reason=reason).inc()
    return error_answer(403, reason, message)
