"""uvicorn's protocols with bounds on what a stranger's socket may cost.

uvicorn waits for ever for a request that does not come, reads headers of any length, and holds what a peer
does not read. Here a request has a deadline and a size, a socket that does not drain is cut off, and one
chunk of small frames does not keep the event loop from everybody else's.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from app import metrics
from app.limits.rates import TokenBucket

REQUEST_SECONDS = 10.0
"""From connecting, or from the answer before, to the last byte of a request. Twilio's are one packet."""

SLOW_READER_SECONDS = 10.0
"""How long more than 64 KiB (uvloop's high-water mark) may wait for a peer to read them."""

GOODBYE_SECONDS = 2.0
"""How long a peer has to answer a WebSocket's close."""

MAX_HEAD_BYTES = 32 * 1024
MAX_URL_BYTES = 8 * 1024
MAX_HEADERS = 100
MAX_PIPELINED = 8
"""Requests sent before the answer to the first. Nobody does; uvicorn would hold any number."""

MAX_WAITING = 1000
"""Sockets that have not sent a whole request yet; the oldest goes when another one comes."""

SLICE = 1024
"""Bytes of frames taken at once: three ordinary messages, or 170 empty ones (2 ms of work)."""

PINGS_A_SECOND = 100
MAX_FRAGMENTS = 64
"""Of one message. An empty fragment costs its sender 6 bytes and us more."""


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


class WebSocketProtocol(SlowReaders, WebSocketsSansIOProtocol):
    """One WebSocket, which takes what it is sent in slices."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.close_timeout = GOODBYE_SECONDS
        self._rest = b""
        self._next_slice: asyncio.Handle | None = None
        self._pings = TokenBucket(PINGS_A_SECOND, 2 * PINGS_A_SECOND)

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated:
            self._shake_hands(data)
        elif self.handshake_complete and len(data) <= SLICE and not self._rest:
            super().data_received(data)
        else:
            self._rest += data
            self._pause_reading()
            # Before the handshake is complete no frame may be taken; the endpoint's `receive` goes on.
            if self.handshake_complete and (self.queue.empty() or self.close_sent):
                self._go_on()

    def _shake_hands(self, request: bytes) -> None:
        super().data_received(request)
        if not self.handshake_initiated:
            # It passed httptools, but websockets has an answer for it that uvicorn does not send.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def _take_slice(self) -> None:
        self._next_slice = None
        if not self.handshake_complete:
            return
        if self.disconnected or self.transport.is_closing():
            self._rest = b""
            return
        data, self._rest = self._rest[:SLICE], self._rest[SLICE:]
        super().data_received(data)
        if self.queue.empty() or self.close_sent:
            self._go_on()

    def _go_on(self) -> None:
        """All that was taken has been used: the next slice, or the next bytes from the socket."""
        if self._rest:
            self._next_slice = self._next_slice or self.loop.call_soon(self._take_slice)
        elif self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def _pause_reading(self) -> None:
        # uvicorn has resumed it when it has sent a close, to see the answer.
        self.read_paused = True
        self.transport.pause_reading()

    async def receive(self) -> Any:
        message = await self.queue.get()
        if self.queue.empty():
            self._go_on()
        return message

    def handle_ping(self) -> None:
        pong = b"".join(self.conn.data_to_send())
        if not self._pings.take(self.loop.time()):
            self._refuse(1008, "too many pings")
        # A peer that sends pings and reads no pongs would fill our memory with them.
        elif self.writable.is_set():
            self.transport.write(pong)

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= MAX_FRAGMENTS:
            self._refuse(1008, "too many fragments")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        # uvicorn would close as well, but write a traceback for each.
        if self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self.frames = []
            self._refuse(1007, "text is UTF-8")
        else:
            super().send_receive_event_to_app()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # A refusal is a complete answer; uvicorn would call it an error that there is no handshake.
            self.handshake_complete = True

    def _refuse(self, code: int, reason: str) -> None:
        """Close, whatever is still to come; the endpoint is told."""
        self._rest = b""
        if not self.close_sent:
            metrics.REFUSED.labels(reason="frames").inc()
            self.conn.fail(code, reason)
            self.handle_parser_exception()


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def http_protocol(waiting: Waiting) -> type[asyncio.Protocol]:
    """What uvicorn makes a protocol of for each connection."""
    return cast(type[asyncio.Protocol], partial(HttpProtocol, waiting))
