"""app.limits.sockets under a real server with next to nothing behind it, attacked by hand."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect

from app.api.json import ERROR_HANDLERS
from app.limits import sockets
from app.server import UNREAD_SECONDS, Server, bind
from app.settings import load_settings

UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


@dataclass
class Small:
    """The server, and what its endpoints saw."""

    port: int
    server: Server
    ended: asyncio.Queue[str]

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def answer(self, request: bytes, seconds: float = 5) -> bytes:
        """All that comes back until the server closes."""
        reader, writer = await self.open()
        writer.write(request)
        try:
            async with asyncio.timeout(seconds):
                return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


@asynccontextmanager
async def small_server() -> AsyncIterator[Small]:
    ended: asyncio.Queue[str] = asyncio.Queue()

    async def hello(request: Request) -> Response:
        return PlainTextResponse(f"{len(await request.body())} bytes")

    async def endless(_request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(65536)
                    await asyncio.sleep(0)
            finally:
                ended.put_nowait("http")

        return StreamingResponse(parts())

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while (text := await websocket.receive_text()) != "talk":
                await websocket.send_text(text)
            while True:
                await websocket.send_text("x" * 60_000)
        except WebSocketDisconnect:
            ended.put_nowait("websocket")

    app = Starlette(
        routes=[
            Route("/", hello, methods=["GET", "POST"]),
            Route("/endless", endless),
            WebSocketRoute("/ws", echo),
        ],
        exception_handlers=ERROR_HANDLERS,
        max_body_size=65536,
    )

    async def drain(_hurry: asyncio.Event) -> None:
        """There are no calls."""

    app.state.drain = drain
    listener = bind(load_settings(port=0))
    port = listener.getsockname()[1]
    server = Server(app, asyncio.Event())
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    yield Small(port, server, ended)
    server.should_exit = True
    await task


@pytest.fixture(scope="module")
async def small() -> AsyncIterator[Small]:
    async with small_server() as server:
        yield server


@pytest.fixture
async def impatient(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Small]:
    monkeypatch.setattr(sockets, "REQUEST_SECONDS", 0.3)
    monkeypatch.setattr(sockets, "SLOW_READER_SECONDS", 0.3)
    monkeypatch.setattr(sockets, "MAX_WAITING", 5)
    async with small_server() as server:
        yield server


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /" + b"a" * 100_000,
        GET + b"X: " + b"a" * 100_000,
        GET + b"X: y\r\n" * 200 + b"\r\n",
        GET + b"X: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET /?\xc3\x28 HTTP/1.1\r\n\r\n",
        (GET + b"\r\n") * 1000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        UPGRADE + b"X: y\r\n" * 95 + b"Y: " + b"z" * 9000 + b"\r\n\r\n",
        UPGRADE.replace(b"Version: 13", b"Version: 7") + b"\r\n",
        UPGRADE.replace(b"Key: AAAAAAAAAAAAAAAAAAAAAA==", b"Key: short") + b"\r\n",
        UPGRADE.replace(b"/ws", b"/\xffws") + b"\r\n",
    ],
    ids=range(13),
)
async def test_a_request_that_is_none_or_too_large_is_answered_and_closed(
    small: Small, request_bytes: bytes
) -> None:
    answer = await small.answer(request_bytes)
    assert b" 500 " not in answer
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert await small.answer(GET + b"Connection: close\r\n\r\n")


async def test_pipelining_is_bounded(small: Small) -> None:
    answer = await small.answer((GET + b"\r\n") * 1000)
    assert answer.count(b"HTTP/1.1 200") <= sockets.MAX_PIPELINED + 1
    assert b"HTTP/1.1 400" in answer


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_that_is_too_large_is_refused(small: Small, chunked: bool) -> None:
    if chunked:
        request = b"Transfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + bytes(0x8000) + b"\r\n") * 4
    else:
        request = b"Content-Length: 100000\r\n\r\n" + bytes(100_000)
    reader, writer = await small.open()
    writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + request)
    assert b" 413 " in await reader.readline()
    writer.close()


async def test_ordinary_requests_on_one_connection_go_on(impatient: Small) -> None:
    reader, writer = await impatient.open()
    for _ in range(5):
        writer.write(GET + b"\r\n")
        assert (await reader.readuntil(b"0 bytes")).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.1)
    writer.close()


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET", GET, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc"],
    ids=["nothing", "a line", "a head", "a body"],
)
async def test_a_request_that_does_not_come_to_an_end_is_given_up(impatient: Small, beginning: bytes) -> None:
    reader, writer = await impatient.open()
    writer.write(beginning)

    async def drip() -> None:
        while True:
            await asyncio.sleep(0.05)
            writer.write(b"a" if beginning else b"")

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 4")
    dripping.cancel()
    writer.close()


async def test_of_too_many_sockets_that_ask_nothing_the_oldest_goes(impatient: Small) -> None:
    crowd = [await impatient.open() for _ in range(20)]
    answer = await impatient.answer(GET + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    for reader, writer in crowd:
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()


async def test_a_reader_who_does_not_read_is_cut_off(impatient: Small) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port, limit=1024)
    writer.write(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async with asyncio.timeout(10):
        assert await impatient.ended.get() == "http"
    writer.close()


async def test_a_stream_whose_peer_does_not_read_is_cut_off(impatient: Small) -> None:
    _reader, writer = await asyncio.open_connection("127.0.0.1", impatient.port, limit=1024)
    writer.write(UPGRADE + b"\r\n")
    await asyncio.sleep(0.1)
    writer.write(frame(b"talk"))
    async with asyncio.timeout(10):
        assert await impatient.ended.get() == "websocket"
    writer.close()


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True, rsv: int = 0) -> bytes:
    """A client's frame, masked with zeros; up to 125 bytes."""
    return bytes([(0x80 if fin else 0) | rsv | opcode, 0x80 | len(payload)]) + bytes(4) + payload


async def test_a_pile_of_small_messages_is_taken_in_order(small: Small) -> None:
    async with connect(f"ws://127.0.0.1:{small.port}/ws") as websocket:
        for number in range(20_000):
            websocket.transport.write(frame(b"%d" % number))
        for number in range(20_000):
            assert await websocket.recv() == str(number)


async def test_a_pile_of_small_messages_leaves_the_loop_to_others(small: Small) -> None:
    loop = asyncio.get_running_loop()
    reader, writer = await small.open()
    writer.write(UPGRADE + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame(b"") * 100_000)
    longest, until = 0.0, loop.time() + 1.0
    while loop.time() < until:
        begun = time.thread_time()  # not what other processes take from us
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - begun)
    writer.close()
    assert longest < 0.1, "one chunk of 256 KiB held the loop"


@pytest.mark.parametrize(
    "frames",
    [
        frame(b"x", rsv=0x40),
        frame(b"\xff\xfe"),
        frame(b"", 3),
        frame(b"x", 0),
        b"\x81\xff" + (1 << 62).to_bytes(8) + bytes(100),
        b"\x81\x05hello",
        frame(b"\x03", 8),
        frame(b"ok", fin=False) + frame(b"no", 1),
    ],
    ids=[
        "compressed",
        "no UTF-8",
        "unknown",
        "continues nothing",
        "giant",
        "unmasked",
        "bad close",
        "in between",
    ],
)
async def test_frames_against_the_rules_close_the_socket(small: Small, frames: bytes) -> None:
    reader, writer = await small.open()
    writer.write(UPGRADE + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frames)
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert answer[:1] == b"\x88", "a close frame"
    writer.close()


@pytest.mark.parametrize(
    "frames",
    [frame(b"", 9) * 1000, frame(b"", fin=False) + frame(b"", 0, fin=False) * 1000],
    ids=["pings", "fragments"],
)
async def test_a_flood_of_what_costs_the_sender_little_is_cut_off(small: Small, frames: bytes) -> None:
    reader, writer = await small.open()
    writer.write(UPGRADE + b"\r\n")
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frames)
    async with asyncio.timeout(5):
        assert b"too many" in await reader.read()
    writer.close()


def test_the_kernel_gives_up_on_who_does_not_acknowledge() -> None:
    with bind(load_settings(port=0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNREAD_SECONDS * 1000
