"""`/api/calls`: what was said, and what became of it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.api.access import Access, ApiError
from app.api.json import Json
from app.identifiers import is_call_sid, is_user_id
from app.media_stream.manager import MediaStreamManager
from app.store.erasure import Erasure
from app.store.queries import Queries
from app.store.records import CallRecord
from app.telephony.outbound import (
    CallOrder,
    InvalidNumberError,
    NoRoomError,
    NotConfiguredError,
    Outbound,
)
from app.telephony.rest import (
    RefusedByTwilioError,
    TelephonyError,
    TooManyWaitingError,
    UnreachableError,
)

MOST_CALLS = 200

LONGEST_GREETING = 1000
"""Characters: a minute of speech."""

PLACING_ERRORS: dict[type[TelephonyError], tuple[int, str]] = {
    InvalidNumberError: (422, "invalid_number"),
    NotConfiguredError: (503, "not_configured"),
    NoRoomError: (503, "no_room"),
    TooManyWaitingError: (429, "too_many_calls"),
    RefusedByTwilioError: (502, "refused_by_twilio"),
    UnreachableError: (504, "twilio_unreachable"),
}


class CallsApi:
    """Reads from the store; a call that is open in this process shows its statistics as of now."""

    def __init__(
        self,
        access: Access,
        queries: Queries,
        erasure: Erasure,
        manager: MediaStreamManager,
        outbound: Outbound,
    ) -> None:
        self._access = access
        self._queries = queries
        self._erasure = erasure
        self._manager = manager
        self._outbound = outbound

    def routes(self) -> list[Route]:
        """Where it answers."""
        return [
            Route("/api/calls", self.list_calls),
            Route("/api/calls", self.place_call, methods=["POST"]),
            Route("/api/calls/{call_sid}", self.get_call),
            Route("/api/calls/{call_sid}", self.delete_call, methods=["DELETE"]),
            Route("/api/calls/{call_sid}/transcript", self.get_transcript),
            Route("/api/users/{user_id}/data", self.delete_user, methods=["DELETE"]),
        ]

    async def list_calls(self, request: Request) -> Response:
        """Newest first. `?limit=` up to 200, `?before=` a time, `?user_id=`. A user's are their own."""
        principal = await self._access.principal(request)
        query = request.query_params
        user_id = query.get("user_id", principal.user_id)
        if user_id is not None and not principal.may_see(user_id):
            raise ApiError(403, "forbidden", "Only your own calls are yours to see.")
        if user_id is not None and not is_user_id(user_id):
            raise ApiError(400, "invalid_user_id", "user_id is up to 128 characters without blanks.")
        calls = await self._queries.seen_by(principal.user_id).list_calls(
            user_id=user_id, limit=_limit(query.get("limit")), before=_time(query.get("before"))
        )
        return Json({"calls": calls})

    async def place_call(self, request: Request) -> Response:
        """Call somebody: `{"to": "+1…"}`, and perhaps `user_id` and `greeting`."""
        self._access.require_operator(request)
        order = _order(await request.body())
        try:
            call = await self._outbound.place(order)
        except TelephonyError as error:
            status, code = next(answer for kind, answer in PLACING_ERRORS.items() if isinstance(error, kind))
            raise ApiError(status, code, str(error)) from None
        return Json(call, 201)

    async def get_call(self, request: Request) -> Response:
        call, queries = await self._find(request)
        call.transcript = await queries.get_lines(call.call_sid)
        call.summary = await queries.get_summary(call.call_sid)
        if stats := self._manager.get_connection_stats(call.call_sid):
            call.stats = msgspec.to_builtins(stats)
        return Json(call)

    async def get_transcript(self, request: Request) -> Response:
        call, queries = await self._find(request)
        return Json({"call_sid": call.call_sid, "transcript": await queries.get_lines(call.call_sid)})

    async def delete_call(self, request: Request) -> Response:
        """Erase a call that is over, with everything said and noted on it. What is still on its way to the
        database does not bring it back.
        """
        call, _ = await self._find(request)
        if call.ended_at is None:
            raise ApiError(409, "call_active", f"Call {call.call_sid} is going on. End it first.")
        await self._erasure.call(call.call_sid)
        return Response(status_code=204)

    async def delete_user(self, request: Request) -> Response:
        """Erase all calls of a user, and the user's name and numbers."""
        principal = await self._access.principal(request)
        user_id = request.path_params["user_id"]
        if not is_user_id(user_id) or not principal.may_see(user_id):
            raise ApiError(404, "unknown_user", f"There is no user {user_id:.40}.")
        if await self._queries.has_open_call(user_id):
            raise ApiError(409, "call_active", f"{user_id} is on the phone. End the call first.")
        return Json({"calls_erased": await self._erasure.user(user_id)})

    async def _find(self, request: Request) -> tuple[CallRecord, Queries]:
        """The call that is asked for, and queries that see what whoever asks may see."""
        principal = await self._access.principal(request)
        queries = self._queries.seen_by(principal.user_id)
        call_sid = request.path_params["call_sid"]
        call = await queries.get_call(call_sid) if is_call_sid(call_sid) else None
        # Somebody else's call is no call: whether there is one is none of a user's business.
        if call is None or not principal.may_see(call.user_id):
            raise unknown_call(call_sid)
        return call, queries


def unknown_call(call_sid: str) -> ApiError:
    return ApiError(404, "unknown_call", f"There is no call {call_sid:.40}.")


def _order(body: bytes) -> CallOrder:
    try:
        order = msgspec.json.decode(body, type=CallOrder)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ApiError(
            422, "invalid_order", f'Send JSON such as {{"to": "+14155550123"}}: {error}.'
        ) from None
    if order.user_id is not None and not is_user_id(order.user_id):
        raise ApiError(422, "invalid_user_id", "user_id is up to 128 characters without blanks.")
    if order.greeting is not None and not 0 < len(order.greeting.strip()) <= LONGEST_GREETING:
        raise ApiError(422, "invalid_greeting", f"greeting has 1 to {LONGEST_GREETING} characters.")
    return order


def _limit(value: str | None) -> int:
    if value is None:
        return 50
    known = value.isascii() and value.isdigit() and len(value) < 6
    if not known or not 1 <= int(value) <= MOST_CALLS:
        raise ApiError(400, "invalid_limit", f"limit is a number from 1 to {MOST_CALLS}.")
    return int(value)


def _time(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value.replace(" ", "+"))  # an unescaped "+00:00" arrives as a blank
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise ApiError(400, "invalid_before", "before is a time such as 2027-03-01T12:00:00Z.")
    return time
