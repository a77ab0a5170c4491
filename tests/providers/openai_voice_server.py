"""OpenAI's voices on loopback: `/v1/audio/speech` and the Realtime API, strict, and every way to fail."""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.providers.voices import Drop, Stall, Wait, audio_of

KEY = "sk-loopback"
PIECE_MS = 100


@dataclass(frozen=True, slots=True)
class Transcript:
    """A piece of the transcript (Realtime only)."""

    delta: str


@dataclass(frozen=True, slots=True)
class Fail:
    """End the response as failed (Realtime only)."""

    message: str
    status: str = "failed"


@dataclass(frozen=True, slots=True)
class Error:
    """Send an error event (Realtime only)."""

    message: str
    code: str = "server_error"


@dataclass(frozen=True, slots=True)
class Raw:
    """Send a message as it is (Realtime only)."""

    text: str


Step = bytes | Transcript | Fail | Error | Raw | Stall | Wait | Drop


def reading(text: str) -> list[Step]:
    """A text read aloud: of each word the transcript, then its audio in pieces of 100 ms."""
    steps: list[Step] = []
    for word in text.split():
        audio = audio_of(word)
        steps.append(Transcript(f"{word} "))
        steps += [audio[at : at + 8 * PIECE_MS] for at in range(0, len(audio), 8 * PIECE_MS)]
    return steps


@dataclass
class OpenAIVoiceServer:
    """Speaks each text as `audio_of` it, or does what `script` says instead; refuses all with `status`."""

    script: list[Step] | None = None
    status: int = 200
    content_type: str = "audio/pcm"
    address: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of `/v1/audio/speech`."""
    events: list[dict[str, Any]] = field(default_factory=list)
    """What came over all Realtime connections."""
    headers: list[dict[str, str]] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    """Of the Realtime connections."""
    sockets: set[WebSocket] = field(default_factory=set)
    connected: asyncio.Condition = field(default_factory=asyncio.Condition)
    """Told of each Realtime connection that was set up, or ended."""
    streaming: int = 0
    """Answers under way."""
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while there are none."""

    async def __aenter__(self) -> OpenAIVoiceServer:
        app = Starlette(routes=self.routes())
        config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._task = asyncio.create_task(self._server._serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"
        self.idle.set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = self._server.force_exit = True
        await self._task

    @property
    def url(self) -> str:
        return f"http://{self.address}/v1"

    def routes(self) -> list[Route | WebSocketRoute]:
        return [
            Route("/v1/audio/speech", self._speech, methods=["POST"]),
            WebSocketRoute("/v1/realtime", self._realtime),
        ]

    async def until_connected(self, count: int) -> None:
        """Wait until so many Realtime connections are set up."""
        async with asyncio.timeout(5), self.connected:
            await self.connected.wait_for(lambda: len(self.sockets) == count)

    @contextlib.contextmanager
    def _streaming(self) -> Any:
        self.streaming += 1
        self.idle.clear()
        try:
            yield
        finally:
            self.streaming -= 1
            if not self.streaming:
                self.idle.set()

    # /v1/audio/speech

    async def _speech(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _refusal(401)
        if self.status != 200:
            return _refusal(self.status)
        body = await request.json()
        self.requests.append(body)
        if body.get("response_format") != "pcm":
            return _refusal(400)
        return StreamingResponse(self._pcm(body["input"]), media_type=self.content_type)

    async def _pcm(self, text: str) -> AsyncIterator[bytes]:
        audio = audio_of(text, rate=24000, width=2)
        piece = 48 * PIECE_MS
        whole: list[Step] = [audio[at : at + piece] for at in range(0, len(audio), piece)]
        with self._streaming():
            for step in whole if self.script is None else self.script:
                match step:
                    case bytes():
                        yield step
                    case Wait():
                        await asyncio.sleep(step.seconds)
                    case Stall():
                        await asyncio.Event().wait()
                    case Drop():
                        raise ConnectionError("as told")

    # Realtime

    async def _realtime(self, socket: WebSocket) -> None:
        self.headers.append(dict(socket.headers))
        status = self.status
        if socket.headers.get("authorization") != f"Bearer {KEY}":
            status = 401
        elif "openai-beta" in socket.headers or "model" not in socket.query_params:
            status = 400
        if status != 200:
            await socket.send_denial_response(_refusal(status))
            return
        self.models.append(socket.query_params["model"])
        await socket.accept()
        try:
            await socket.send_json({"type": "session.created", "event_id": "e1", "session": {}})
            await self._converse(socket)
        except WebSocketDisconnect:
            pass
        finally:
            async with self.connected:
                self.sockets.discard(socket)
                self.connected.notify_all()

    async def _converse(self, socket: WebSocket) -> None:
        response: asyncio.Task[None] | None = None
        try:
            while True:
                event = await socket.receive_json()
                self.events.append(event)
                active = response is not None and not response.done()
                match event["type"]:
                    case "session.update" if event["session"].get("type") == "realtime":
                        await socket.send_json({"type": "session.updated", "session": event["session"]})
                        async with self.connected:
                            self.sockets.add(socket)
                            self.connected.notify_all()
                    case "response.create" if not active:
                        text = event["response"]["input"][0]["content"][0]["text"]
                        response = asyncio.create_task(self._respond(socket, text))
                    case "response.cancel" if active and response:
                        response.cancel()
                        await asyncio.wait([response])
                        await _done(socket, "cancelled")
                    case "response.cancel":
                        await _error(socket, Error("no active response", "response_cancel_not_active"))
                    case kind:
                        await _error(socket, Error(f"{kind} is not expected", "invalid_request_error"))
        finally:
            if response:
                response.cancel()
                await asyncio.wait([response])

    async def _respond(self, socket: WebSocket, text: str) -> None:
        with self._streaming():
            await socket.send_json({"type": "response.created", "response": {"status": "in_progress"}})
            for step in reading(text) if self.script is None else list(self.script):
                match step:
                    case bytes():
                        delta = b64encode(step).decode()
                        await socket.send_json({"type": "response.output_audio.delta", "delta": delta})
                    case Transcript():
                        kind = "response.output_audio_transcript.delta"
                        await socket.send_json({"type": kind, "delta": step.delta})
                    case Wait():
                        await asyncio.sleep(step.seconds)
                    case Stall():
                        await asyncio.Event().wait()
                    case Drop():
                        await socket.close(1011)
                        return
                    case Error():
                        await _error(socket, step)
                    case Raw():
                        await socket.send_text(step.text)
                    case Fail():
                        await _done(socket, step.status, step.message)
                        return
            await _done(socket, "completed")


def _refusal(status: int) -> Response:
    return JSONResponse({"error": {"message": "as told", "type": "refused", "code": None}}, status)


async def _done(socket: WebSocket, status: str, message: str = "") -> None:
    details = {"type": status, "error": {"message": message}} if message else None
    response = {"object": "realtime.response", "status": status, "status_details": details}
    await socket.send_json({"type": "response.done", "response": response})


async def _error(socket: WebSocket, error: Error) -> None:
    event = {"message": error.message, "type": "invalid_request_error", "code": error.code}
    await socket.send_json({"type": "error", "error": event})
