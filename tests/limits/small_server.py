"""A real server with next to nothing behind it, to be attacked by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.api.json import ERROR_HANDLERS
from app.limits.websocket import direct
from app.server import Server, bind
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
    accepts: asyncio.Event
    """Set when `/hesitant` may accept, and `/leaving` leave."""

    @property
    def connections(self) -> Collection[object]:
        return self.server.server_state.connections

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def upgrade(self, path: str = "/ws") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A WebSocket, opened by hand."""
        reader, writer = await self.open()
        writer.write(UPGRADE.replace(b"/ws", path.encode()) + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        return reader, writer

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
    accepts = asyncio.Event()

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

    async def hesitant(websocket: WebSocket) -> None:
        ended.put_nowait("asked")
        await accepts.wait()
        await echo(websocket)

    async def leaving(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()
        ended.put_nowait("has heard enough")
        await accepts.wait()
        await websocket.close(1008, "enough")

    async def echo_directly(websocket: WebSocket) -> None:
        """Takes its messages the short way from the second one on, and until one says "enough"."""
        await websocket.accept()
        said: asyncio.Queue[str] = asyncio.Queue()
        said.put_nowait(await websocket.receive_text())
        enough = asyncio.Event()

        def take(message: str | bytes) -> None:
            if message == "fail":
                raise ValueError("this message breaks the endpoint")
            said.put_nowait(message if isinstance(message, str) else f"{message!r}")
            if message == "enough":
                enough.set()

        async def answer() -> None:
            while True:
                await websocket.send_text(await said.get())

        async def take_all() -> None:
            with direct(websocket.scope, take):
                while (await websocket.receive())["type"] != "websocket.disconnect":
                    ended.put_nowait("a message came the long way")

        answering, taking = asyncio.create_task(answer()), asyncio.create_task(take_all())
        stopped = asyncio.create_task(enough.wait())
        try:
            await asyncio.wait([taking, stopped], return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                taking.result()
                ended.put_nowait("direct")
                return
            taking.cancel()
            while True:
                said.put_nowait(await websocket.receive_text())
        except ValueError as error:
            ended.put_nowait(str(error))
            await websocket.close(1011)
        except WebSocketDisconnect:
            ended.put_nowait("direct")
        finally:
            for task in (answering, taking, stopped):
                task.cancel()

    app = Starlette(
        routes=[
            Route("/", hello, methods=["GET", "POST"]),
            Route("/endless", endless),
            WebSocketRoute("/ws", echo),
            WebSocketRoute("/direct", echo_directly),
            WebSocketRoute("/hesitant", hesitant),
            WebSocketRoute("/leaving", leaving),
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
    yield Small(port, server, ended, accepts)
    server.should_exit = True
    await task
