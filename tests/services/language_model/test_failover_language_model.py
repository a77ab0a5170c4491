"""Minds that fail in every way, before a caller who must hear something: OpenAI's on loopback, then local."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from random import Random

import pytest
from prometheus_client import REGISTRY

from app.services.language_model import Item, Message, ReplyError, ReplyEvent, SaveItem, Say, Talk
from app.services.language_model.failover import BRIDGE, FailoverLanguageModel
from app.services.language_model.local import LocalLanguageModel
from app.services.language_model.openai import OpenAILanguageModel
from app.settings import load_settings
from tests.providers.openai_server import (
    Answer,
    Call,
    Cut,
    End,
    OpenAIServer,
    Pause,
    Raw,
    Stall,
    Status,
    openai_server,
)
from tests.services.language_model.talking import SATURDAY_MORNING, spoken

TALK = Talk((Message("user", "Remind me to call Anna tomorrow at three."),), (), SATURDAY_MORNING)
LOCAL = "Okay. I'll remind you to call Anna tomorrow, Sunday November 22nd, at 3 PM."
SAVE = Call(
    "save_item",
    (
        json.dumps(
            {
                "kind": "todo",
                "text": "Call Anna",
                "due_at": "2026-11-22T15:00:00+01:00",
                "id": None,
                "state": "noted",
            }
        ),
    ),
)


@asynccontextmanager
async def minds(server: OpenAIServer, patience: float = 2.5) -> AsyncIterator[FailoverLanguageModel]:
    """Two of OpenAI's models, "first" and "second", then the local one."""
    settings = load_settings(openai_base_url=server.url)
    models = [OpenAILanguageModel(settings, "first"), OpenAILanguageModel(settings, "second")]
    failover = FailoverLanguageModel(
        [*models, LocalLanguageModel(settings)], failover_seconds=patience, local_last=True
    )
    await failover.start()
    yield failover
    await failover.aclose()


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as server:
        yield server


@pytest.fixture
async def mind(server: OpenAIServer) -> AsyncIterator[FailoverLanguageModel]:
    async with minds(server) as mind:
        yield mind


async def replied(mind: FailoverLanguageModel, talk: Talk = TALK) -> list[ReplyEvent]:
    async with aclosing(mind.reply(talk)) as events:
        return [event async for event in events]


async def timed(mind: FailoverLanguageModel) -> list[tuple[float, str]]:
    """Seconds at which each clause came."""
    clock = asyncio.get_running_loop().time
    began = clock()
    async with aclosing(mind.reply(TALK)) as events:
        return [(clock() - began, event.text) async for event in events if isinstance(event, Say)]


def kept(events: list[ReplyEvent]) -> dict[str, Item]:
    """What is left in the end, by id."""
    return {event.item.id: event.item for event in events if isinstance(event, SaveItem)}


async def test_the_first_model_answers_while_it_is_well(
    server: OpenAIServer, mind: FailoverLanguageModel
) -> None:
    server.will(["Good ", "morning. How", " are you?"], model="first")
    assert spoken(await replied(mind)) == "Good morning. How are you?"
    assert [request["model"] for request in server.requests] == ["first"]


@pytest.mark.parametrize(
    "fault",
    [
        Status(401),
        Status(404),
        Status(429),
        Status(500),
        [Cut()],
        [End()],
        [Raw(b"data: {\n\n")],
        ["Good", Cut()],
    ],
    ids=str,
)
async def test_one_that_fails_before_its_first_clause_is_never_heard_of(
    server: OpenAIServer, mind: FailoverLanguageModel, fault: Answer
) -> None:
    server.will(fault, model="first")
    server.will(["Good morning."], model="second")
    assert spoken(await replied(mind)) == "Good morning."


async def test_when_all_of_openai_is_down_the_local_assistant_answers(
    server: OpenAIServer, mind: FailoverLanguageModel
) -> None:
    events = await replied(mind)
    assert [request["model"] for request in server.requests] == ["first", "second"]
    assert spoken(events) == LOCAL
    assert [item.text for item in kept(events).values()] == ["call Anna"]


async def test_an_answer_that_breaks_off_is_begun_again_by_the_next(
    server: OpenAIServer, mind: FailoverLanguageModel
) -> None:
    server.will(["It is nine. And tomor", "row it is", Cut()], model="first")
    server.will(["It is ten."], model="second")
    assert spoken(await replied(mind)) == f"It is nine. {BRIDGE}It is ten."


async def test_items_of_a_mind_that_broke_off_are_not_doubled(
    server: OpenAIServer, mind: FailoverLanguageModel
) -> None:
    server.will([SAVE], ["I will remind you. And", Cut()], model="first")
    events = await replied(mind)
    assert spoken(events) == f"I will remind you. {BRIDGE}{LOCAL}"
    (item,) = kept(events).values()
    assert (item.kind, item.text) == ("reminder", "call Anna")


async def test_a_model_that_is_slow_is_waited_for(server: OpenAIServer, mind: FailoverLanguageModel) -> None:
    server.will([Pause(1.6), "It is nine."], model="first")
    assert spoken(await replied(mind)) == "It is nine."


async def test_the_local_assistant_answers_when_both_stall(
    server: OpenAIServer, mind: FailoverLanguageModel
) -> None:
    server.will([Stall()], model="first")
    server.will([Stall()], model="second")
    heard = await timed(mind)
    assert "".join(text for _, text in heard) == LOCAL
    assert heard[0][0] < 2 * 2.5 + 0.5


async def test_an_answer_that_stalls_is_begun_again_by_the_next(server: OpenAIServer) -> None:
    async with minds(server, patience=0.2) as mind:
        server.will(["It is nine. And ", Stall()], model="first")
        server.will(["It is ten."], model="second")
        assert spoken(await replied(mind)) == f"It is nine. {BRIDGE}It is ten."


async def test_a_model_that_failed_is_left_alone_for_a_while(
    server: OpenAIServer, mind: FailoverLanguageModel
) -> None:
    server.will(Status(500), model="first")
    server.will(["One."], ["Two."], model="second")
    assert [spoken(await replied(mind)) for _ in range(2)] == ["One.", "Two."]
    assert [request["model"] for request in server.requests] == ["first", "second", "second"]


async def test_each_switch_is_counted_and_told_in_one_line(
    server: OpenAIServer, mind: FailoverLanguageModel, caplog: pytest.LogCaptureFixture
) -> None:
    def switches() -> float:
        labels = {"service": "language_model", "to": "second"}
        return REGISTRY.get_sample_value("offhook_provider_switches_total", labels) or 0

    before = switches()
    server.will(Status(401), model="first")
    server.will(["Good morning."], model="second")
    with caplog.at_level(logging.WARNING):
        await replied(mind)
    assert switches() == before + 1
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("app.")]
    assert line == "first: OPENAI_API_KEY is missing or wrong. Make a new key. second takes over"


async def test_when_the_last_has_failed_too_the_call_is_told_why(server: OpenAIServer) -> None:
    settings = load_settings(openai_base_url=server.url)
    mind = FailoverLanguageModel([OpenAILanguageModel(settings, "only")], failover_seconds=1)
    await mind.start()
    for _ in range(2):
        with pytest.raises(ReplyError, match="fault of its own"):
            await replied(mind)
    assert len(server.requests) == 2
    await mind.aclose()


async def test_a_reply_that_is_given_up_leaves_no_task(
    server: OpenAIServer, mind: FailoverLanguageModel
) -> None:
    server.will(["Good."], model="first")
    await replied(mind)
    before = len(asyncio.all_tasks())
    for step in (Stall(), "Good morning. And "):
        server.will([step, Stall()], model="first")
        async with aclosing(mind.reply(TALK)) as events:
            await anext(events)
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > before + 1:
            await asyncio.sleep(0.01)


async def test_100_calls_with_random_faults_are_all_answered_with_one_item_each() -> None:
    random = Random(3)
    faults: list[Answer] = [
        Status(500),
        Status(429),
        [Cut()],
        [End()],
        [Stall()],
        [Raw(b"data: {\n\n")],
        ["Okay, ", Cut()],
        ["Okay, I will do that. And ", Stall()],
        [SAVE, Cut()],
    ]

    def script() -> list[Answer]:
        """A model's answers: whole, or broken in the first or the second round."""
        match random.choice(["whole", "first", "second"]):
            case "whole":
                return [[SAVE], ["Okay, tomorrow at three."]]
            case "first":
                return [random.choice(faults)]
            case _:
                return [[SAVE], random.choice(faults[:-1])]

    async def call() -> None:
        async with openai_server() as server, minds(server, patience=0.5) as mind:
            server.will(*script(), model="first")
            server.will(*script(), model="second")
            events = await replied(mind)
            assert [item.text.lower() for item in kept(events).values()] == ["call anna"]
            assert spoken(events).endswith(("Okay, tomorrow at three.", LOCAL))

    for _ in range(10):
        async with asyncio.TaskGroup() as calls:
            for _ in range(10):
                calls.create_task(call())
