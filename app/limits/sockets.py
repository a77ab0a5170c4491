"""uvicorn's HTTP protocol with bounds on what a stranger's socket may cost.

uvicorn waits for ever for a request that does not come, reads headers of any length, and holds what a peer
does not read. Here a request has a deadline and a size, and a socket that does not drain is cut off.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app import metrics

REQUEST_SECONDS = 10.0
"""From connecting, or from the answer before, to the last byte of a request. Twilio's are one packet."""

SLOW_READER_SECONDS = 10.0
"""How long more than 64 KiB (uvloop's high-water mark) may wait for a peer to read them."""

MAX_HEAD_BYTES = 32 * 1024
MAX_URL_BYTES = 8 * 1024
MAX_HEADERS = 100
MAX_PIPELINED = 8
"""Requests sent before the answer to the first. Nobody does; uvicorn would hold any number."""

MAX_WAITING = 1000
"""Sockets that have not sent a whole request yet; the oldest goes when another one comes."""

TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class TooMuchError(Exception):
    """Raised into httptools, which stops there; uvicorn answers 400 and closes."""


class Waiting:
    """The sockets that owe a request, the oldest first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sockets: dict[HttpProtocol, None] = {}

    def __len__(self) -> int:
        return len(self._sockets)

    def add(self, socket: HttpProtocol) -> None:
        self._sockets[socket] = None
        if len(self._sockets) > self._most:
            next(iter(self._sockets)).drop("too_many_waiting")

    def remove(self, socket: HttpProtocol) -> None:
        self._sockets.pop(socket, None)


class SlowReaders:
    """Cuts off a peer that does not read what it is sent. Mixed into uvicorn's protocols."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _patience: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]
        self._patience = self.loop.call_later(SLOW_READER_SECONDS, self._cut_off)

    def resume_writing(self) -> None:
        self._forgive()
        super().resume_writing()  # type: ignore[misc]

    def connection_lost(self, exc: Exception | None) -> None:
        self._forgive()
        super().connection_lost(exc)  # type: ignore[misc]

    def _forgive(self) -> None:
        if self._patience:
            self._patience.cancel()
            self._patience = None

    def _cut_off(self) -> None:
        metrics.REFUSED.labels(reason="slow_reader").inc()
        # Not close(), which would wait for the reader.
        self.transport.abort()


class HttpProtocol(SlowReaders, HttpToolsProtocol):
    """One HTTP connection. A request in time, of a size that has a use, or none."""

    def __init__(self, waiting: Waiting, **options: Any) -> None:
        super().__init__(**options)
        self._waiting = waiting
        self._deadline: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_expecting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and self.parser is not None:
            # The parser holds a value until its end has come: only here it can be seen growing.
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
                self.drop("head_too_large")

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= MAX_PIPELINED:
            raise TooMuchError
        super().on_message_begin()
        self._expect_request()
        self._in_head = True
        self._head_bytes = self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES or not url.isascii():
            raise TooMuchError

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if len(self.headers) >= MAX_HEADERS or self._header_bytes > MAX_HEAD_BYTES:
            raise TooMuchError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._stop_expecting()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._expect_request()

    def handle_websocket_upgrade(self) -> None:
        self._stop_expecting()
        super().handle_websocket_upgrade()

    def drop(self, reason: str) -> None:
        """Let a socket go that does not come to its point."""
        metrics.REFUSED.labels(reason=reason).inc()
        self._stop_expecting()
        if self.cycle is None or not self.cycle.response_started:
            self.transport.write(TIMED_OUT)
        self.transport.close()

    def _expect_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self.drop, "slow_request")
            self._waiting.add(self)

    def _stop_expecting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._waiting.remove(self)


def http_protocol(waiting: Waiting) -> type[asyncio.Protocol]:
    """What uvicorn makes a protocol of for each connection."""
    return cast(type[asyncio.Protocol], partial(HttpProtocol, waiting))
