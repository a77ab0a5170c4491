"""app.limits.sockets under a real server with next to nothing behind it, attacked by hand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from app.limits import sockets
from app.server import UNREAD_SECONDS, bind
from app.settings import load_settings
from tests.limits.client_frames import frame
from tests.limits.small_server import UPGRADE, Small, small_server


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


def test_the_kernel_gives_up_on_who_does_not_acknowledge() -> None:
    with bind(load_settings(port=0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNREAD_SECONDS * 1000
