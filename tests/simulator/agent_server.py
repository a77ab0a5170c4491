"""A small agent of our own on a real socket: what it does to a call is a test's to choose."""

from __future__ import annotations

import asyncio
import audioop
import contextlib
import math
from array import array
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.simulator import audio
from app.simulator.listening import AUDIBLE_RMS, loudness
from app.simulator.wire import FRAME_MS

SPEECH = Path(__file__).parents[1] / "speech"
YES = audio.load(SPEECH / "an4_yes.wav")
"""A person says "yes": 1 s."""


def tone(seconds: float) -> bytes:
    """A voice for an agent: 400 Hz, clearly audible from its first to its last frame."""
    samples = (round(6000 * math.sin(2 * math.pi * 400 * n / 8000)) for n in range(round(seconds * 8000)))
    return audioop.lin2ulaw(array("h", samples).tobytes(), 2)


Talk = Callable[["Agent", WebSocket], Awaitable[None]]


class Agent:
    """A server for calls. `talk` is run on each stream; `documents` are the TwiML bodies by path."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.url = ""
        self.server: uvicorn.Server
        self.documents: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        """What else can be fetched, by path."""
        self.status = 200
        self.content_type = "application/xml"
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        """Path, form and headers of every webhook."""
        self.messages: list[dict[str, Any]] = []
        """Every message of every stream."""
        self.upgrades: list[dict[str, str]] = []
        """The headers of every WebSocket upgrade."""

    @property
    def stream_url(self) -> str:
        return self.url.replace("http://", "ws://") + "/stream"

    def connect(self, attributes: str = 'action="/voice/next"', stream: str = "") -> str:
        """TwiML that opens a stream here."""
        return (
            f'<Response><Connect {attributes}><Stream url="{self.stream_url}" {stream}>'
            f'<Parameter name="token" value="t&amp;1"/></Stream></Connect></Response>'
        )

    async def webhook(self, request: Request) -> Response:
        path = request.url.path
        form = {key: str(value) for key, value in (await request.form()).items()}
        if path.startswith("/voice/"):
            self.requests.append((path, form, dict(request.headers)))
        if path in self.files:
            return Response(self.files[path])
        default = self.connect() if path == "/voice/incoming" else "<Response><Hangup/></Response>"
        return Response(self.documents.get(path, default), self.status, media_type=self.content_type)

    async def stream(self, socket: WebSocket) -> None:
        self.upgrades.append(dict(socket.headers))
        await socket.accept()
        with contextlib.suppress(WebSocketDisconnect):
            await self.talk(self, socket)
            await socket.close()

    async def receive(self, socket: WebSocket) -> dict[str, Any]:
        message: dict[str, Any] = await socket.receive_json()
        self.messages.append(message)
        if message["event"] == "start":
            socket.state.stream_sid = message["streamSid"]
        return message

    async def receive_until(self, socket: WebSocket, event: str) -> dict[str, Any]:
        while (message := await self.receive(socket))["event"] != event:
            pass
        return message

    async def hear_voice(self, socket: WebSocket) -> None:
        """Wait until the caller is audible."""
        while not await self._voiced(socket):
            pass

    async def hear_silence(self, socket: WebSocket, seconds: float) -> None:
        """Wait until the caller has been silent for so long."""
        silent = 0.0
        while silent < seconds:
            silent = 0.0 if await self._voiced(socket) else silent + FRAME_MS / 1000

    async def _voiced(self, socket: WebSocket) -> bool:
        frame = await self.receive_until(socket, "media")
        return loudness(b64decode(frame["media"]["payload"])) >= 2 * AUDIBLE_RMS

    def cut(self) -> None:
        """Lose all connections as a killed server does."""
        for connection in self.server.server_state.connections.copy():
            connection.transport.abort()

    async def play(self, socket: WebSocket, sound: bytes) -> None:
        await socket.send_json(
            {
                "event": "media",
                "streamSid": socket.state.stream_sid,
                "media": {"payload": b64encode(sound).decode()},
            }
        )

    async def mark(self, socket: WebSocket, name: str) -> None:
        await socket.send_json(
            {"event": "mark", "streamSid": socket.state.stream_sid, "mark": {"name": name}}
        )

    async def clear(self, socket: WebSocket) -> None:
        await socket.send_json({"event": "clear", "streamSid": socket.state.stream_sid})

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.requests]


@contextlib.asynccontextmanager
async def serving(talk: Talk, *more: BaseRoute) -> AsyncIterator[Agent]:
    """An agent on a free port of loopback, which serves `more` as well."""
    agent = Agent(talk)
    routes = [
        *more,
        WebSocketRoute("/stream", agent.stream),
        Route("/{path:path}", agent.webhook, methods=["GET", "POST"]),
    ]
    async with _running(routes) as agent.server:
        agent.url = _url(agent.server)
        yield agent


@contextlib.asynccontextmanager
async def serving_app(path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> AsyncIterator[str]:
    """One endpoint; yields the base URL."""
    async with _running([Route(path, endpoint)]) as server:
        yield _url(server)


@contextlib.asynccontextmanager
async def _running(routes: list[BaseRoute]) -> AsyncIterator[uvicorn.Server]:
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=routes), port=0, log_level="critical", lifespan="off")
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield server
        finally:
            server.should_exit = True
            await task


def _url(server: uvicorn.Server) -> str:
    return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
