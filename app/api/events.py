"""`GET /api/calls/{call_sid}/events`: a call as it happens, as server-sent events.

The id of an event is the revision of the newest final line it tells of, so a viewer that comes back with
`Last-Event-ID` gets every final line since then from the store, whichever process it asks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from app.api.access import Access
from app.api.calls import unknown_call
from app.identifiers import is_call_sid
from app.live.events import LiveEvents
from app.live.messages import Interim, LiveEvent
from app.store.database import Lost, why
from app.store.queries import Queries
from app.store.records import CallRecord, LineRecord

log = logging.getLogger(__name__)

KEEP_ALIVE_SECONDS = 15.0
"""A comment line this often keeps proxies from closing a quiet stream."""


class EventsApi:
    """One endpoint; any number of viewers, on any process."""

    def __init__(self, access: Access, queries: Queries, live: LiveEvents) -> None:
        self._access = access
        self._queries = queries
        self._live = live

    def routes(self) -> list[Route]:
        return [Route("/api/calls/{call_sid}/events", self.events)]

    async def events(self, request: Request) -> Response:
        principal = await self._access.principal(request)
        call_sid = request.path_params["call_sid"]
        queries = self._queries.seen_by(principal.user_id)
        call = await queries.get_call(call_sid) if is_call_sid(call_sid) else None
        if call is None or not principal.may_see(call.user_id):
            raise unknown_call(call_sid)
        return StreamingResponse(
            self._until_lost(queries, call_sid, _revision(request.headers.get("Last-Event-ID", ""))),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _until_lost(
        self, queries: Queries, call_sid: str, revision: int
    ) -> AsyncGenerator[bytes, None]:
        """Without a database the stream ends; a browser comes back by itself, with its Last-Event-ID."""
        async with aclosing(self._follow(queries, call_sid, revision)) as events:
            try:
                async for event in events:
                    yield event
            except Lost as error:
                log.warning("call %s: a viewer was cut off: %s", call_sid, why(error))

    async def _follow(self, queries: Queries, call_sid: str, revision: int) -> AsyncGenerator[bytes, None]:
        """What is known now, then what happens, until the call is over and its summary written."""
        shown = b""
        # The watch begins before the first look at the store, so that nothing falls in between.
        async with self._live.watch(call_sid) as changes, aclosing(_with_pauses(changes)) as news:
            async for change in news:
                if change is PAUSE:
                    yield b": still here\n\n"
                    continue
                if isinstance(change, Interim):
                    line = change.line
                    yield _event(
                        "transcript",
                        LineRecord(
                            line.seq,
                            line.speaker,
                            line.text,
                            False,
                            None,
                            line.started_ms,
                            line.started_ms,
                            False,
                            0,
                        ),
                    )
                    continue
                for final in await queries.get_lines(call_sid, after_revision=revision, final_only=True):
                    revision = final.revision
                    yield _event("transcript", final, revision)
                call = await queries.get_call(call_sid)
                if call is None:
                    return
                if (status := _status(call)) != shown:
                    shown = status
                    yield status
                if call.ended_at and (summary := await queries.get_summary(call_sid)):
                    yield _event("summary", summary)
                    return


class _Pause:
    """Nothing has happened for a while."""


PAUSE = _Pause()


async def _with_pauses(changes: AsyncIterator[LiveEvent]) -> AsyncGenerator[LiveEvent | _Pause | None, None]:
    """None for the first look, then the changes, and a PAUSE wherever there are none for long."""
    yield None
    while True:
        waiting = asyncio.ensure_future(anext(changes))
        try:
            while not (await asyncio.wait([waiting], timeout=KEEP_ALIVE_SECONDS))[0]:
                yield PAUSE
            yield waiting.result()
        finally:
            waiting.cancel()


def _event(name: str, data: object, event_id: int | None = None) -> bytes:
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {name}\n".encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"


def _status(call: CallRecord) -> bytes:
    return _event(
        "status",
        {
            "call_sid": call.call_sid,
            "status": call.status,
            "started_at": call.started_at,
            "ended_at": call.ended_at,
            "end_reason": call.end_reason,
        },
    )


def _revision(last_event_id: str) -> int:
    """Anything that is not one of our ids begins at the beginning."""
    known = last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 10
    return int(last_event_id) if known else 0
