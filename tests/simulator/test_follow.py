"""Following a call's events over real HTTP."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.errors import OffhookError
from app.simulator.follow import CallEvent, Line, Summary, finished_call, follow, stored_call
from tests.simulator.agent_server import serving_app

LINES = [
    b'id: 1\nevent: transcript\ndata: {"seq":1,"speaker":"user","text":"Hi","is_final":true}\n\n',
    b'id: 2\nevent: transcript\ndata: {"seq":2,"speaker":"assistant","text":"Hello","is_final":true}\n\n',
]
SUMMARY = b'event: summary\ndata: {"summary":"A greeting.","model":"local"}\n\n'


async def test_events_are_followed_across_a_lost_connection_without_a_gap() -> None:
    seen: list[tuple[str, str]] = []

    async def events(request: Request) -> Response:
        seen.append((request.headers["authorization"], request.headers.get("last-event-id", "")))
        if len(seen) == 1:
            return JSONResponse({"error": {}}, 404)
        body = b": hello\n\n" + LINES[0] if len(seen) == 2 else LINES[1] + SUMMARY
        return Response(body, media_type="text/event-stream")

    told: list[CallEvent] = []
    async with serving_app("/api/calls/CA1/events", events) as url:
        await follow(url, "secret", "CA1", told.append)
    assert told == [
        Line(1, "user", "Hi", True),
        Line(2, "assistant", "Hello", True),
        Summary("A greeting.", model="local"),
    ]
    assert seen == [("Bearer secret", ""), ("Bearer secret", ""), ("Bearer secret", "1")]


async def test_a_refused_token_is_named() -> None:
    async def events(_request: Request) -> Response:
        return JSONResponse({}, 401)

    async with serving_app("/api/calls/CA1/events", events) as url:
        with pytest.raises(OffhookError, match="OPERATOR_TOKEN"):
            await follow(url, "wrong", "CA1", lambda _: None)


async def test_the_stored_call_is_read() -> None:
    async def stored(_request: Request) -> Response:
        line = {"seq": 1, "speaker": "user", "text": "Hi", "is_final": True, "confidence": None}
        return JSONResponse({"call_sid": "CA1", "transcript": [line]})

    async with serving_app("/api/calls/CA1", stored) as url:
        assert (await stored_call(url, "secret", "CA1")).transcript == (Line(1, "user", "Hi", True),)


async def test_a_call_is_waited_for_until_it_is_over() -> None:
    told: list[str | None] = [None, "2026-11-21T12:00:00Z"]

    async def stored(_request: Request) -> Response:
        return JSONResponse({"call_sid": "CA1", "ended_at": told.pop(0)})

    async with serving_app("/api/calls/CA1", stored) as url:
        call = await finished_call(url, "secret", "CA1")
    assert call.ended_at is not None
    assert told == []


async def test_a_server_of_another_kind_is_named() -> None:
    async def stored(_request: Request) -> Response:
        return Response("<Response/>")

    async with serving_app("/api/calls/CA1", stored) as url:
        with pytest.raises(OffhookError, match="no call as Offhook tells it"):
            await stored_call(url, "secret", "CA1")


async def test_a_transcript_that_is_not_there_is_named() -> None:
    async def stored(_request: Request) -> Response:
        return JSONResponse({}, 404)

    async with serving_app("/api/calls/CA1", stored) as url:
        with pytest.raises(OffhookError, match="404"):
            await stored_call(url, "secret", "CA1")
