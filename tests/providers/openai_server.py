"""A server on loopback that speaks OpenAI's HTTP protocol, and breaks it on demand."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass(frozen=True)
class Call:
    """A call of a tool, streamed with its arguments in these pieces."""

    name: str
    arguments: tuple[str, ...]
    index: int | None = 0
    id: str | None = None
    repeats_id: bool = False


@dataclass(frozen=True)
class Raw:
    """These bytes, whatever they are."""

    data: bytes


@dataclass(frozen=True)
class Status:
    """An error instead of an answer."""

    status: int
    error: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stall:
    """Nothing more comes, and the connection stays."""


@dataclass(frozen=True)
class Cut:
    """The connection ends in the middle of the response."""


@dataclass(frozen=True)
class End:
    """The response ends here as HTTP has it, whatever is still missing of the completion."""


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Finish:
    """The reason with which the completion ends, "stop" or "tool_calls" if none is given."""

    reason: str


@dataclass(frozen=True)
class Refusal:
    text: str


Step = str | Call | Raw | Stall | Cut | End | Pause | Finish | Refusal
Answer = Status | list[Step]


class OpenAIServer:
    """Answers requests in the order of `answers`; what it was asked stands in `requests`."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.answers: deque[Answer] = deque()
        self.by_model: dict[str, deque[Answer]] = {}
        self.otherwise: Callable[[dict[str, Any]], Answer] = lambda _request: Status(
            500, {"message": "nothing was scripted"}
        )
        """The answer to a request for which none was."""
        self.models: list[dict[str, Any]] = []
        self.context_characters = 10**9
        """Longer requests are refused, as by a model with a small context."""
        self.refused_parameters: set[str] = set()
        self.streams = 0
        """Responses that are being sent."""

    def will(self, *answers: Answer, model: str = "") -> None:
        """Answer the next requests so; with `model`, those that ask for it."""
        (self.by_model.setdefault(model, deque()) if model else self.answers).extend(answers)

    def routes(self) -> list[Route]:
        return [
            Route("/v1/chat/completions", self._chat, methods=["POST"]),
            Route("/v1/models", self._models),
        ]

    async def _models(self, request: Request) -> Response:
        self.keys.append(request.headers["authorization"])
        return JSONResponse({"object": "list", "data": self.models})

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.keys.append(request.headers["authorization"])
        self.requests.append(body)
        if refused := self.refused_parameters & body.keys():
            name = min(refused)
            return _error(Status(400, {"message": f"Unsupported parameter: '{name}'.", "param": name}))
        length = sum(len(message["content"] or "") for message in body["messages"])
        if length > self.context_characters:
            return _error(Status(400, {"message": "too long", "code": "context_length_exceeded"}))
        answers = self.by_model.get(body["model"], self.answers)
        answer = answers.popleft() if answers else self.otherwise(body)
        if isinstance(answer, Status):
            return _error(answer)
        if body.get("stream"):
            return StreamingResponse(self._counted(_chunks(answer, body)), media_type="text/event-stream")
        return await self._whole(answer, body)

    async def _counted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self.streams += 1
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            self.streams -= 1

    async def _whole(self, answer: list[Step], body: dict[str, Any]) -> Response:
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
        for step in answer:
            match step:
                case str():
                    message["content"] = (message["content"] or "") + step
                case Refusal():
                    message["refusal"] = step.text
                case Raw():
                    return Response(step.data, media_type="application/json")
                case Pause():
                    await asyncio.sleep(step.seconds)
                case Stall():
                    await asyncio.Event().wait()
        return JSONResponse(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        )


async def _chunks(answer: list[Step], body: dict[str, Any]) -> AsyncIterator[bytes]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
        return _event(body, [{"index": 0, "delta": delta, "finish_reason": reason}])

    reason = "tool_calls" if any(isinstance(step, Call) for step in answer) else "stop"
    yield chunk({"role": "assistant", "content": ""})
    for number, step in enumerate(answer):
        match step:
            case str():
                yield chunk({"content": step})
            case Refusal():
                yield chunk({"refusal": step.text})
            case Call():
                for delta in call_deltas(step, number):
                    yield chunk({"tool_calls": [delta]})
            case Raw():
                yield step.data
            case Stall():
                await asyncio.Event().wait()
            case Cut():
                raise ConnectionError("cut on demand")
            case End():
                return
            case Pause():
                await asyncio.sleep(step.seconds)
            case Finish():
                reason = step.reason
    yield chunk({}, reason)
    if body.get("stream_options", {}).get("include_usage"):
        yield _event(body, [])
    yield b"data: [DONE]\n\n"


def call_deltas(call: Call, number: int) -> Iterable[dict[str, Any]]:
    call_id = call.id or f"call_{number}"
    index = {} if call.index is None else {"index": call.index}
    yield index | {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": ""}}
    for piece in call.arguments:
        repeated: dict[str, Any] = {"id": call_id, "type": "function"} if call.repeats_id else {}
        name = {"name": call.name} if call.repeats_id else {}
        yield index | repeated | {"function": name | {"arguments": piece}}


def _event(body: dict[str, Any], choices: list[dict[str, Any]]) -> bytes:
    data: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["model"],
        "choices": choices,
    }
    if not choices:
        data["usage"] = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return f"data: {json.dumps(data)}\n\n".encode()


def _error(answer: Status) -> Response:
    error = {"message": "on demand", "type": None, "param": None, "code": None} | answer.error
    return JSONResponse({"error": error}, answer.status, answer.headers)


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """Serve on a free port of loopback; yields `host:port`."""
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=0)
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def openai_server() -> AsyncIterator[OpenAIServer]:
    server = OpenAIServer()
    async with serving(Starlette(routes=server.routes())) as address:
        server.url = f"http://{address}/v1"
        yield server
