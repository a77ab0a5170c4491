"""The connection to OpenAI is there before the first reply is asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from app.services.language_model import Message, Talk
from app.services.language_model.failover import FailoverLanguageModel
from app.services.language_model.openai import OpenAILanguageModel
from app.settings import load_settings
from tests.providers.openai_server import serving
from tests.services.language_model.talking import SATURDAY_MORNING, spoken

TALK = Talk((Message("user", "Hello."),), (), SATURDAY_MORNING)
CHOICE = {"index": 0, "delta": {"content": "Hi."}, "finish_reason": "stop"}
CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [CHOICE]}


class Server:
    """Notes from which of its client's ports each request came."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.url = ""
        self.told = asyncio.Event()
        """Set when it was asked for a model."""
        self.hold = asyncio.Event()
        """Cleared: it does not answer that."""
        self.hold.set()

    def _note(self, request: Request) -> None:
        assert request.client
        self.asked.append((request.url.path, request.client.port))

    async def model(self, request: Request) -> Response:
        self._note(request)
        self.told.set()
        await self.hold.wait()
        # As a server answers that has no such request.
        return JSONResponse({"error": {"message": "no"}}, 404)

    async def chat(self, request: Request) -> Response:
        self._note(request)
        events = [f"data: {json.dumps(CHUNK)}\n\n", "data: [DONE]\n\n"]
        return StreamingResponse(iter(events), media_type="text/event-stream")


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    routes = [
        Route("/v1/models/{model}", server.model),
        Route("/v1/chat/completions", server.chat, methods=["POST"]),
    ]
    async with serving(Starlette(routes=routes)) as address:
        server.url = f"http://{address}/v1"
        yield server


@pytest.fixture
async def model(server: Server) -> AsyncIterator[OpenAILanguageModel]:
    model = OpenAILanguageModel(load_settings(openai_api_key="sk", openai_base_url=server.url), "gpt-test")
    await model.start()
    yield model
    await model.aclose()


async def settled() -> asyncio.Task[None]:
    """Wait until the model has done what it was told to do ahead."""
    (warming,) = [task for task in asyncio.all_tasks() if task.get_name() == "connection for gpt-test"]
    await asyncio.wait([warming])
    return warming


async def test_the_reply_goes_over_the_connection_that_was_opened_for_it(
    server: Server, model: OpenAILanguageModel
) -> None:
    model.warm()
    await settled()
    assert spoken([event async for event in model.reply(TALK)]) == "Hi."
    (path, port), (_, reply_port) = server.asked
    assert (path, port) == ("/v1/models/gpt-test", reply_port)


async def test_calls_that_begin_together_open_one_connection(
    server: Server, model: OpenAILanguageModel
) -> None:
    for _ in range(20):
        model.warm()
    await settled()
    assert len(server.asked) == 1


async def test_a_connection_that_is_being_opened_ends_with_the_model(
    server: Server, model: OpenAILanguageModel
) -> None:
    server.hold.clear()
    model.warm()
    settling = asyncio.create_task(settled())
    await server.told.wait()
    await model.aclose()
    assert (await settling).cancelled()
    server.hold.set()


async def test_whoever_might_answer_is_made_ready(server: Server, model: OpenAILanguageModel) -> None:
    FailoverLanguageModel([model], failover_seconds=1).warm()
    await settled()
    assert len(server.asked) == 1


async def test_a_server_that_is_not_there_is_no_error_yet() -> None:
    model = OpenAILanguageModel(load_settings(openai_base_url="http://127.0.0.1:1/v1"), "gpt-test")
    await model.start()
    model.warm()
    assert (await settled()).exception() is None
    await model.aclose()
