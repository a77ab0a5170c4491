"""uvicorn's WebSocket protocol, with a short way for ordinary messages and bounds on what strangers send.

What comes is taken in slices, between which the event loop is everybody else's. An ordinary message of one
goes to the call in one step. Anything else (fragments, pings, what is against the rules) takes uvicorn's way:
websockets parses it, a queue hands it to the endpoint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import State

from app import metrics
from app.limits.frames import frame_end, text_of
from app.limits.rates import TokenBucket
from app.limits.slices import Slices
from app.limits.sockets import SlowReaders

GOODBYE_SECONDS = 2.0
"""How long a peer has to answer a WebSocket's close."""

SLICE = 1024
"""Bytes of frames taken at once: three ordinary messages, or 170 empty ones (2 ms of work)."""

LAST_SLICES = 16
"""Of what has come when a connection ends, taken at once: a second of a call."""

PINGS_A_SECOND = 100
MAX_FRAGMENTS = 64
"""Of one message. An empty fragment costs its sender 6 bytes and us more."""

DIRECT = "offhook.direct"
"""The ASGI extension: its `receive` takes the function that is given messages from now on."""

Take = Callable[[str | bytes], None]


@contextmanager
def direct(scope: Scope, take: Take) -> Iterator[None]:
    """Meanwhile, have messages given to `take` as they come, where the server can; `receive` then only tells
    of the end, or raises what `take` raised. Where it cannot, `receive` gives them as ever."""
    extension = scope.get("extensions", {}).get(DIRECT)
    if extension is None:
        yield
        return
    extension["receive"](take)
    try:
        yield
    finally:
        extension["receive"](None)


class WebSocketProtocol(SlowReaders, WebSocketsSansIOProtocol):
    """One WebSocket, which takes what it is sent in slices."""

    def __init__(self, slices: Slices, **options: Any) -> None:
        super().__init__(**options)
        self.close_timeout = GOODBYE_SECONDS
        self._slices = slices
        self._has_turn = False
        """A slice will be taken."""
        self._rest = bytearray()
        """What has been received and not taken. websockets is only fed whole frames of it."""
        self._pings = TokenBucket(PINGS_A_SECOND, 2 * PINGS_A_SECOND)
        self._take: Take | None = None
        self._error: Exception | None = None

    def data_received(self, data: bytes) -> None:
        if not self.handshake_initiated:
            self._shake_hands(data)
            return
        self._rest += data
        if self._has_turn and len(self._rest) >= SLICE:
            self._pause_reading()
        self._queue_up()

    def eof_received(self) -> None:
        # Now: the transport closes when this returns, and would not send what these answer.
        self._take_last()

    def connection_lost(self, exc: Exception | None) -> None:
        self._take_last()
        super().connection_lost(exc)

    def _shake_hands(self, request: bytes) -> None:
        super().data_received(request)
        if not self.handshake_initiated:
            # It passed httptools, but websockets has an answer for it that uvicorn does not send.
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.handshake_complete:  # it is not refused, then
            self.scope["extensions"][DIRECT] = {"receive": self._give_to}

    # In slices

    def _queue_up(self) -> None:
        if not self._has_turn:
            self._has_turn = True
            self._slices.add(self._take_slice)

    def _take_slice(self) -> None:
        self._has_turn = False
        if self.disconnected or self.transport.is_closing():
            # What is left is for `_take_last`, or for nobody.
            return
        if not self.handshake_complete or self._is_waited_for():
            self._pause_reading()
        else:
            taken = self._take_frames()
            if taken >= SLICE and self._rest:
                self._pause_reading()
                self._queue_up()
            else:
                self._read_on()

    def _take_last(self) -> None:
        """A peer that goes is heard to the end: `stop` and the end of the connection may come at once."""
        for _ in range(LAST_SLICES):
            if not self._rest or not self.handshake_complete or self.close_sent:
                break
            self._take_frames()

    def _take_frames(self) -> int:
        """Take whole frames, a slice at most, off the rest. Returns how many bytes they were."""
        rest, at = self._rest, 0
        while at < SLICE:
            end = frame_end(rest, at, self.config.ws_max_size)
            if end > len(rest):
                break
            text = text_of(rest, at, end) if self._is_direct() else None
            if text is not None:
                self._give(text)
            else:
                super().data_received(bytes(rest[at:end]))
                if self.transport.is_closing() and self.conn.state is not State.OPEN:
                    at = len(rest)
                    break
            at = end
        del rest[:at]
        return at

    def _is_waited_for(self) -> bool:
        """The endpoint has not taken all yet. (What comes after it has closed is for nobody.)"""
        return not self.queue.empty() and not self.close_sent

    def _pause_reading(self) -> None:
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    def _read_on(self) -> None:
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def _go_on(self) -> None:
        """All that was taken has been used: the next slice, or the next bytes from the socket."""
        if self._rest:
            self._queue_up()
        else:
            self._read_on()

    async def receive(self) -> Any:
        message = await self.queue.get()
        if self._error:
            raise self._error
        if self.queue.empty():
            self._go_on()
        return message

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # A refusal is a complete answer; uvicorn would call it an error that there is no handshake.
            self.handshake_complete = True
        elif message["type"] == "websocket.close":
            # The peer's own close is behind what nobody will take any more.
            self._go_on()

    # The short way

    def _give_to(self, take: Take | None) -> None:
        self._take = take
        for message in [self.queue.get_nowait() for _ in range(self.queue.qsize())]:
            if self._take and message["type"] == "websocket.receive":
                text, data = message.get("text"), message.get("bytes")
                self._give(text if text is not None else data or b"")
            else:
                self.queue.put_nowait(message)
        self._go_on()

    def _is_direct(self) -> bool:
        # A message in several frames is being put together by uvicorn.
        return self._take is not None and not self.frames

    def _give(self, message: str | bytes) -> None:
        assert self._take
        try:
            self._take(message)
        except Exception as error:  # `receive` raises it in the endpoint
            self._take, self._error = None, error
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1011})

    # What strangers send

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
        data = b"".join(self.frames)
        message: str | bytes = data
        if self.curr_msg_data_type == "text":
            try:
                message = data.decode()
            except UnicodeDecodeError:
                # uvicorn would close as well, but write a traceback for each.
                self.frames = []
                self._refuse(1007, "text is UTF-8")
                return
        if self._take:
            self.frames = []
            self._give(message)
        else:
            super().send_receive_event_to_app()

    def _refuse(self, code: int, reason: str) -> None:
        """Close, whatever is still to come; the endpoint is told."""
        if not self.close_sent:
            metrics.REFUSED.labels(reason="frames").inc()
            self.conn.fail(code, reason)
            self.handle_parser_exception()


def websocket_protocol(slices: Slices) -> type[asyncio.Protocol]:
    """What uvicorn makes a protocol of for each WebSocket."""
    return cast(type[asyncio.Protocol], partial(WebSocketProtocol, slices))
