"""A call as the server tells of it: its server-sent events until the summary, and what it has stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import httpx2
import msgspec

from app.errors import OffhookError

RETRY_SECONDS = 0.2
"""The call is unknown to the server until its webhook has come."""
READ_SECONDS = 40.0
"""Silence after which the connection counts as lost; the server sends a comment more often."""


class Line(msgspec.Struct, frozen=True):
    """A transcript line; while it is not final, the next one with its `seq` replaces it."""

    seq: int
    speaker: Literal["user", "assistant"]
    text: str
    is_final: bool = False
    started_ms: int = 0
    interrupted: bool = False
    ended_ms: int = 0


class Status(msgspec.Struct, frozen=True):
    """How the call stands."""

    status: str
    end_reason: str | None = None


class ActionItem(msgspec.Struct, frozen=True):
    text: str
    due_at: datetime | None = None
    kind: str | None = None


class Summary(msgspec.Struct, frozen=True):
    """What was written about the call when it was over: the last event."""

    summary: str
    key_points: tuple[str, ...] = ()
    action_items: tuple[ActionItem, ...] = ()
    model: str = ""


CallEvent = Line | Status | Summary


class Stats(msgspec.Struct, frozen=True):
    """What the server measured. A server that is not ours may tell nothing."""

    latencies: tuple[dict[str, int], ...] = ()
    """One entry a turn: milliseconds from the end of the caller's voice to each stage."""


class StoredCall(msgspec.Struct, frozen=True):
    """A call as the server has stored it."""

    status: str = ""
    ended_at: datetime | None = None
    end_reason: str | None = None
    stats: Stats = Stats()
    transcript: tuple[Line, ...] = ()
    summary: Summary | None = None

    def lines(self, speaker: Literal["user", "assistant"]) -> tuple[Line, ...]:
        return tuple(line for line in self.transcript if line.speaker == speaker)


class _Ordered(msgspec.Struct):
    call_sid: str


_TYPES: dict[str, type[CallEvent]] = {"transcript": Line, "status": Status, "summary": Summary}


def decode(event: str, data: str) -> CallEvent | None:
    """One server-sent event; None for events of another name, which are not for us."""
    kind = _TYPES.get(event)
    return None if kind is None else msgspec.json.decode(data, type=kind)


async def follow(base_url: str, token: str, call_sid: str, show: Callable[[CallEvent], None]) -> None:
    """Hand every event to `show`, in order and once, until the summary. Waits for the call to appear.

    Raises:
        OffhookError: the token is refused.
    """
    url = f"{base_url.rstrip('/')}/api/calls/{call_sid}/events"
    timeout = httpx2.Timeout(READ_SECONDS)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(timeout=timeout, headers=headers, trust_env=False) as client:
        resume: dict[str, str] = {}
        while True:
            try:
                async with client.sse(url, headers=resume) as events:
                    if events.response.status_code in (401, 403):
                        raise OffhookError(
                            "The server refuses the operator token: set OPERATOR_TOKEN to the server's own."
                        )
                    if events.response.is_success:
                        async for event in events:
                            if (told := decode(event.event, event.data)) is not None:
                                show(told)
                            if isinstance(told, Summary):
                                return
                            if event.id:
                                resume = {"Last-Event-ID": event.id}
            except httpx2.TransportError:
                # The server restarts, or is gone: whoever waits for us decides for how long.
                pass
            await asyncio.sleep(RETRY_SECONDS)


async def stored_call(base_url: str, token: str, call_sid: str) -> StoredCall:
    """A call as the server has stored it by now.

    Raises:
        OffhookError: it does not tell.
    """
    url = f"{base_url.rstrip('/')}/api/calls/{call_sid}"
    async with httpx2.AsyncClient(timeout=READ_SECONDS, trust_env=False) as client:
        try:
            response = await client.get(url, headers={"Authorization": f"Bearer {token}"})
            response.raise_for_status()
        except httpx2.HTTPError as error:
            raise OffhookError(f"The stored call could not be read: {error}") from None
    try:
        return msgspec.json.decode(response.content, type=StoredCall)
    except msgspec.DecodeError as error:
        raise OffhookError(f"{url} is no call as Offhook tells it: {error}") from None


async def order_call(base_url: str, token: str, number: str) -> str:
    """Have the server call a number. Returns the call's SID.

    Raises:
        OffhookError: it does not.
    """
    url = f"{base_url.rstrip('/')}/api/calls"
    async with httpx2.AsyncClient(timeout=READ_SECONDS, trust_env=False) as client:
        try:
            response = await client.post(
                url, json={"to": number}, headers={"Authorization": f"Bearer {token}"}
            )
        except httpx2.HTTPError as error:
            raise OffhookError(f"{url}: {error}") from None
    if not response.is_success:
        raise OffhookError(f"{url}: HTTP {response.status_code} {response.text:.200}")
    try:
        return msgspec.json.decode(response.content, type=_Ordered).call_sid
    except msgspec.DecodeError as error:
        raise OffhookError(f"{url}: no call came back: {error}") from None


async def finished_call(
    base_url: str, token: str, call_sid: str, *, summary: bool = False, seconds: float = 30.0
) -> StoredCall:
    """The call once its end is written down, and its summary if that is asked for; after `seconds` as it is.

    Raises:
        OffhookError: the server does not tell.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        call = await stored_call(base_url, token, call_sid)
        done = call.ended_at is not None and (call.summary is not None or not summary)
        if done or asyncio.get_running_loop().time() >= deadline:
            return call
        await asyncio.sleep(RETRY_SECONDS)
