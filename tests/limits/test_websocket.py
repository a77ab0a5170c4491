"""app.limits.websocket under a real server: both ways for a message, and what strangers send."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time

import pytest
from websockets.asyncio.client import connect

from app.limits.websocket import SLICE, WebSocketProtocol
from tests.limits.client_frames import client_frame, frame
from tests.limits.small_server import UPGRADE, Small

ways = pytest.mark.parametrize("path", ["/ws", "/direct"])


def masked(text: str) -> bytes:
    return client_frame(text.encode())


async def read_texts(reader: asyncio.StreamReader, count: int) -> list[str]:
    """What the server sends: short text frames, unmasked."""
    texts = []
    async with asyncio.timeout(10):
        for _ in range(count):
            head = await reader.readexactly(2)
            assert head[0] == 0x81
            length = head[1] if head[1] < 126 else int.from_bytes(await reader.readexactly(2))
            texts.append((await reader.readexactly(length)).decode())
    return texts


@ways
async def test_a_pile_of_small_messages_is_taken_in_order(small: Small, path: str) -> None:
    async with connect(f"ws://127.0.0.1:{small.port}{path}") as websocket:
        for number in range(20_000):
            websocket.transport.write(frame(b"%d" % number))
        for number in range(20_000):
            assert await websocket.recv() == str(number)


@ways
async def test_messages_may_come_in_any_pieces(small: Small, path: str) -> None:
    texts = ["first", "", "x" * 125, "y" * 126, "Übergrößenträger", "z" * 65_536, "last"]
    data = b"".join(map(masked, texts))
    reader, writer = await small.upgrade(path)
    rng = random.Random(1)
    while data:
        size = rng.choice([1, 2, 3, 7, 100, 20_000])
        writer.write(data[:size])
        data = data[size:]
        # Each piece on its own: what is written at once is received at once.
        await asyncio.sleep(0.001)
    assert await read_texts(reader, 5) == texts[:5]
    async with asyncio.timeout(10):
        assert await reader.readexactly(10) == b"\x81\x7f" + (65_536).to_bytes(8)
        await reader.readexactly(65_536)
    assert await read_texts(reader, 1) == ["last"]
    writer.close()


async def test_an_endpoint_is_given_what_it_asked_to_take_directly(alone: Small) -> None:
    async with connect(f"ws://127.0.0.1:{alone.port}/direct") as websocket:
        for text in ("a", "b", "c"):
            await websocket.send(text)
            assert await websocket.recv() == text
        await websocket.send(["d", "e"])  # in fragments
        assert await websocket.recv() == "de"
        await websocket.send(b"f")
        assert await websocket.recv() == "b'f'"
    async with asyncio.timeout(5):
        assert await alone.ended.get() == "direct", "nothing came the long way"


async def test_a_ping_between_two_messages_is_answered(alone: Small) -> None:
    async with connect(f"ws://127.0.0.1:{alone.port}/direct") as websocket:
        await websocket.send("a")
        async with asyncio.timeout(5):
            await (await websocket.ping())
        await websocket.send("b")
        assert [await websocket.recv(), await websocket.recv()] == ["a", "b"]
    assert await alone.ended.get() == "direct"


async def test_an_endpoint_that_wants_no_more_directly_gets_the_rest_as_ever(alone: Small) -> None:
    async with connect(f"ws://127.0.0.1:{alone.port}/direct") as websocket:
        for text in ("a", "enough", "b", "c"):
            await websocket.send(text)
        for text in ("a", "enough", "b", "c"):
            assert await websocket.recv() == text
    assert await alone.ended.get() == "direct"


async def test_an_error_in_a_message_taken_directly_is_raised_in_the_endpoint(alone: Small) -> None:
    async with connect(f"ws://127.0.0.1:{alone.port}/direct") as websocket:
        for text in ("a", "fail", "b"):
            await websocket.send(text)
        async with asyncio.timeout(5):
            assert await alone.ended.get() == "this message breaks the endpoint"
            await websocket.wait_closed()
        assert websocket.close_code == 1011


@pytest.mark.parametrize(
    "before",
    [b"", frame(b"", 10), masked("and before that another")],
    ids=["alone", "behind a pong", "behind another"],
)
@pytest.mark.parametrize("ends", ["closes", "resets"])
@pytest.mark.parametrize("first", [masked("a"), b""], ids=["in a call", "in a call that begins"])
async def test_a_message_is_taken_that_comes_with_the_end_of_the_connection(
    alone: Small, first: bytes, ends: str, before: bytes
) -> None:
    loop = asyncio.get_running_loop()
    others = [(await alone.upgrade("/direct"))[1] for _ in range(20)]
    with socket.create_connection(("127.0.0.1", alone.port)) as client:
        client.setblocking(False)
        await loop.sock_sendall(client, UPGRADE.replace(b"/ws", b"/direct") + b"\r\n")
        assert b"101 Switching" in await loop.sock_recv(client, 1000)
        if first:
            await loop.sock_sendall(client, first)
            assert await loop.sock_recv(client, 1000) == b"\x81\x01a"
        if ends == "resets":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for writer in others:
            writer.write(masked("before it"))
        await asyncio.sleep(0)
        client.send((b"" if first else masked("a")) + before + masked("fail"))
    async with asyncio.timeout(5):
        assert await alone.ended.get() == "this message breaks the endpoint"
    for writer in others:
        writer.close()


async def test_a_message_is_taken_that_waits_while_sending_finds_the_connection_lost(alone: Small) -> None:
    async with connect(f"ws://127.0.0.1:{alone.port}/direct") as websocket:
        await websocket.send("a")
        assert await websocket.recv() == "a"
        (protocol,) = (one for one in alone.connections if isinstance(one, WebSocketProtocol))
        protocol.data_received(masked("fail"))
        protocol.transport.abort()
        async with asyncio.timeout(5):
            assert await alone.ended.get() == "this message breaks the endpoint"


async def test_messages_that_come_before_the_upgrade_is_accepted_wait_for_it(alone: Small) -> None:
    reader, writer = await alone.open()
    writer.write(UPGRADE.replace(b"/ws", b"/hesitant") + b"\r\n")
    assert await alone.ended.get() == "asked"
    writer.write(masked("early") + masked("birds"))
    while not any(isinstance(one, WebSocketProtocol) and one.read_paused for one in alone.connections):
        await asyncio.sleep(0.01)
    alone.accepts.set()
    await reader.readuntil(b"\r\n\r\n")
    assert await read_texts(reader, 2) == ["early", "birds"]
    writer.close()


@ways
async def test_a_pile_of_small_messages_leaves_the_loop_to_others(small: Small, path: str) -> None:
    loop = asyncio.get_running_loop()
    _reader, writer = await small.upgrade(path)
    writer.write(frame(b"") * 100_000)
    longest, until = 0.0, loop.time() + 1.0
    while loop.time() < until:
        begun = time.thread_time()  # not what other processes take from us
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - begun)
    writer.close()
    assert longest < 0.1, "one chunk of 256 KiB held the loop"


async def test_what_an_endpoint_does_not_take_is_left_to_the_network(alone: Small) -> None:
    reader, writer = await alone.upgrade()
    writer.write(frame(b"talk"))
    await reader.readexactly(4)
    writer.write(frame(b"") * 40_000)
    (websocket,) = (one for one in alone.connections if isinstance(one, WebSocketProtocol))
    async with asyncio.timeout(5):
        while not websocket.read_paused:
            await reader.read(100_000)
        for _ in range(100):
            await reader.read(100_000)
    assert websocket.queue.qsize() <= 2 * SLICE / len(frame(b""))
    writer.close()


async def test_a_peers_close_is_read_behind_messages_that_nobody_took(
    alone: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.limits.websocket.GOODBYE_SECONDS", 60.0)
    reader, writer = await alone.upgrade("/leaving")
    writer.write(frame(b"a"))
    await alone.ended.get()
    writer.write(frame(b"nobody takes this") * 100 + frame(b"", 8))
    (there,) = (one for one in alone.connections if isinstance(one, WebSocketProtocol))
    async with asyncio.timeout(5):
        while not there.read_paused:
            await asyncio.sleep(0.001)
        alone.accepts.set()
        assert (await reader.read()).endswith(b"enough"), "and the connection is closed"
    writer.close()


@ways
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
async def test_frames_against_the_rules_close_the_socket(small: Small, path: str, frames: bytes) -> None:
    reader, writer = await small.upgrade(path)
    writer.write(masked("hello"))
    assert await read_texts(reader, 1) == ["hello"]
    writer.write(frames)
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert answer[:1] == b"\x88", "a close frame"
    writer.close()


@ways
@pytest.mark.parametrize(
    "frames",
    [frame(b"", 9) * 1000, frame(b"", fin=False) + frame(b"", 0, fin=False) * 1000],
    ids=["pings", "fragments"],
)
async def test_a_flood_of_what_costs_the_sender_little_is_cut_off(
    small: Small, path: str, frames: bytes
) -> None:
    reader, writer = await small.upgrade(path)
    writer.write(frames)
    async with asyncio.timeout(5):
        assert b"too many" in await reader.read()
    writer.close()
