"""The real client library against a server on loopback: what a reply is made of, and how it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from app.services.language_model import (
    HangUp,
    Item,
    Message,
    ReplyError,
    ReplyEvent,
    SaveItem,
    Talk,
    Transfer,
)
from app.services.language_model.openai import OpenAILanguageModel
from app.settings import load_settings
from tests.providers.openai_server import (
    Answer,
    Call,
    Cut,
    End,
    Finish,
    OpenAIServer,
    Raw,
    Refusal,
    Stall,
    Status,
    openai_server,
)
from tests.services.language_model.talking import SATURDAY_MORNING, spoken

TALK = Talk(
    (
        Message("assistant", "Hello, this is Offhook."),
        Message("user", "Remind me to call Anna tomorrow at three."),
    ),
    (),
    SATURDAY_MORNING,
)
ANNA = {
    "kind": "reminder",
    "text": "call Anna",
    "due_at": "2026-11-22T15:00:00+01:00",
    "id": None,
    "state": "noted",
}


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as server:
        yield server


@pytest.fixture
async def model(server: OpenAIServer) -> AsyncIterator[OpenAILanguageModel]:
    async for model in _model(server, transfer_number="+15550100"):
        yield model


async def _model(server: OpenAIServer, **changed: Any) -> AsyncIterator[OpenAILanguageModel]:
    chosen = load_settings(openai_api_key="sk-test", openai_base_url=server.url, **changed)
    model = OpenAILanguageModel(chosen, "gpt-test")
    await model.start()
    yield model
    await model.aclose()


async def replied(model: OpenAILanguageModel, talk: Talk = TALK) -> list[ReplyEvent]:
    async with aclosing(model.reply(talk)) as events:
        return [event async for event in events]


def save(**changed: Any) -> Call:
    return Call("save_item", (json.dumps(ANNA | changed),))


def saved(events: list[ReplyEvent]) -> list[Item]:
    return [event.item for event in events if isinstance(event, SaveItem)]


async def test_words_are_passed_on_as_they_come(server: OpenAIServer, model: OpenAILanguageModel) -> None:
    server.will(["Good", " morning", ".", Stall()])
    async with aclosing(model.reply(TALK)) as events:
        words = [await anext(events) for _ in range(3)]
    assert spoken(words) == "Good morning."


async def test_the_request_is_one_that_tools_are_allowed_in(
    server: OpenAIServer, model: OpenAILanguageModel
) -> None:
    server.will(["Hello."])
    await replied(model)
    request = server.requests[0]
    assert server.keys == ["Bearer sk-test"]
    assert request["model"] == "gpt-test"
    assert request["reasoning_effort"] == "none"
    assert request["stream_options"] == {"include_usage": True}
    assert [tool["function"]["name"] for tool in request["tools"]] == ["save_item", "hang_up", "transfer"]
    assert [message["role"] for message in request["messages"]] == ["system", "user"]


async def test_an_item_is_saved_before_it_is_confirmed(
    server: OpenAIServer, model: OpenAILanguageModel
) -> None:
    server.will([save()], ["Okay, tomorrow at 3 PM."])
    first, *rest = await replied(model)
    assert isinstance(first, SaveItem)
    assert (first.item.kind, first.item.text) == ("reminder", "call Anna")
    assert first.item.due_at == SATURDAY_MORNING.replace(hour=15, minute=0, second=0) + timedelta(days=1)
    assert spoken(rest) == "Okay, tomorrow at 3 PM."
    called, result = server.requests[1]["messages"][-2:]
    assert called["tool_calls"][0]["id"] == result["tool_call_id"]
    assert json.loads(result["content"]) == {"saved": first.item.id}


async def test_what_two_rounds_say_does_not_run_together(
    server: OpenAIServer, model: OpenAILanguageModel
) -> None:
    server.will(["Let me note that.", save()], ["Do", "ne."])
    assert spoken(await replied(model)) == "Let me note that. Done."


async def test_calls_numbered_alike_are_told_apart_by_their_ids(
    server: OpenAIServer, model: OpenAILanguageModel
) -> None:
    milk = json.dumps(ANNA | {"kind": "todo", "text": "buy milk", "due_at": None})
    pieces = tuple(milk[i : i + 7] for i in range(0, len(milk), 7))
    server.will([save(), Call("save_item", pieces, repeats_id=True)], ["Both are noted."])
    assert [item.text for item in saved(await replied(model))] == ["call Anna", "buy milk"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"due_at": "tomorrow at three"}, "due_at is 'tomorrow at three'"),
        ({"due_at": "2026-11-22T15:00:00"}, "with its offset"),
        ({"due_at": "2026-11-22"}, "with its offset"),
        ({"due_at": "2026-11-20T15:00:00+01:00"}, "has passed"),
        ({"kind": "alarm"}, "$.kind"),
        ({"text": ""}, "$.text"),
        ({"text": 5}, "$.text"),
        ({"id": "feedbeef"}, "no item with id"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_model_that_calls_wrongly_is_told_and_can_correct_itself(
    server: OpenAIServer, model: OpenAILanguageModel, wrong: dict[str, Any], told: str
) -> None:
    server.will([save(**wrong)], [save()], ["Okay."])
    assert [item.text for item in saved(await replied(model))] == ["call Anna"]
    assert told in json.loads(server.requests[1]["messages"][-1]["content"])["error"]


@pytest.mark.parametrize(
    "arguments", ["", "{", "[]", "null", '"x"', "{}", '{"kind": "note"}', "\x00", "{}{}"]
)
async def test_a_call_that_stays_wrong_is_ignored_and_the_model_talks(
    server: OpenAIServer, model: OpenAILanguageModel, arguments: str
) -> None:
    call: Answer = [Call("save_item", (arguments,))]
    server.will(call, call, ["Sorry, I could not note that.", Call("save_item", (arguments,))])
    events = await replied(model)
    assert saved(events) == []
    assert spoken(events) == "Sorry, I could not note that."
    assert server.requests[2]["tool_choice"] == "none"


async def test_a_tool_that_is_not_there_is_an_error_to_the_model(
    server: OpenAIServer, model: OpenAILanguageModel
) -> None:
    server.will([Call("order_pizza", ("{}",))], ["I cannot do that."])
    assert spoken(await replied(model)) == "I cannot do that."


async def test_an_item_is_corrected_by_its_id(server: OpenAIServer, model: OpenAILanguageModel) -> None:
    item = Item("a" * 32, "reminder", "call Anna", SATURDAY_MORNING + timedelta(days=1))
    server.will([save(id=item.id, due_at="2026-11-22T15:00:00Z")], ["At four, then."])
    (changed,) = saved(await replied(model, msgspec.structs.replace(TALK, items=(item,))))
    assert changed.id == item.id
    assert f"{changed.due_at:%H:%M %z}" == "16:00 +0100"


async def test_an_item_saved_in_this_reply_can_be_corrected_in_it(
    server: OpenAIServer, model: OpenAILanguageModel
) -> None:
    server.will([save()])
    async with aclosing(model.reply(TALK)) as events:
        first = await anext(events)
        assert isinstance(first, SaveItem)
        server.will([save(id=first.item.id, text="call Hanna")], ["Okay, Hanna."])
        rest = [event async for event in events]
    assert [(item.id, item.text) for item in saved(rest)] == [(first.item.id, "call Hanna")]


@pytest.mark.parametrize(("tool", "ending"), [("hang_up", HangUp()), ("transfer", Transfer())])
async def test_the_end_of_the_call_comes_after_the_words(
    server: OpenAIServer, model: OpenAILanguageModel, tool: str, ending: ReplyEvent
) -> None:
    server.will(["Goodbye.", Call(tool, ("{}",))])
    *words, last = await replied(model)
    assert (spoken(words), last) == ("Goodbye.", ending)
    server.will([Call(tool, ("",))], ["Bye, then."])
    *words, last = await replied(model)
    assert (spoken(words), last) == ("Bye, then.", ending)


async def test_a_goodbye_waits_for_what_has_to_be_put_right(
    server: OpenAIServer, model: OpenAILanguageModel
) -> None:
    server.will(["Noted. Goodbye.", save(kind="alarm"), Call("hang_up", ("{}",))], [save()], ["Now it is."])
    *events, last = await replied(model)
    assert [item.text for item in saved(events)] == ["call Anna"]
    assert last == HangUp()


async def test_without_a_transfer_number_there_is_no_transfer(server: OpenAIServer) -> None:
    async for model in _model(server):
        server.will([Call("transfer", ("{}",))], ["I cannot connect you."])
        events = await replied(model)
        assert spoken(events) == "I cannot connect you."
        assert not any(isinstance(event, Transfer) for event in events)


async def test_a_refusal_is_spoken(server: OpenAIServer, model: OpenAILanguageModel) -> None:
    server.will([Refusal("I can't help with that.")])
    assert spoken(await replied(model)) == "I can't help with that."


@pytest.mark.parametrize("parameter", ["reasoning_effort", "max_completion_tokens", "stream_options"])
async def test_a_parameter_that_a_server_refuses_is_left_out_from_then_on(
    server: OpenAIServer, model: OpenAILanguageModel, parameter: str
) -> None:
    server.refused_parameters = {parameter}
    server.will(["One."], ["Two."])
    assert spoken(await replied(model)) == "One."
    assert spoken(await replied(model)) == "Two."
    assert [parameter in request for request in server.requests] == [True, False, False]


async def test_calls_that_find_a_parameter_refused_at_the_same_time_are_all_answered(
    server: OpenAIServer, model: OpenAILanguageModel
) -> None:
    server.refused_parameters = {"reasoning_effort", "stream_options"}
    for _ in range(20):
        server.will(["Good morning."])
    async with asyncio.TaskGroup() as tasks:
        replies = [tasks.create_task(replied(model)) for _ in range(20)]
    assert {spoken(reply.result()) for reply in replies} == {"Good morning."}


@pytest.mark.parametrize(
    ("answer", "fault", "words"),
    [
        (Status(401), "unauthorized", "OPENAI_API_KEY"),
        (Status(403), "unauthorized", "OPENAI_API_KEY"),
        (Status(404, {"code": "model_not_found"}), "not_found", "gpt-test is not there"),
        (Status(429, {"code": "insufficient_quota"}), "quota", "no credit"),
        (Status(429, {"code": "rate_limit_exceeded"}), "rate_limit", "too many|more requests"),
        (Status(400, {"message": "bad thing"}), "refused", "bad thing"),
        (Status(500), "server", "fault of its own"),
        (Status(503), "server", "fault of its own"),
        ([Raw(b'data: {"error": {"message": "overloaded"}}\n\n')], "server", "overloaded"),
        ([Raw(b'data: {"choices": [{"de\n\n')], "broken", "proper answer"),
        ([Raw(b"data: 5\n\n")], "broken", "proper answer"),
        ([Raw(b'data: {"choices": 5}\n\n')], "broken", "proper answer"),
        ([Raw(b'data: {"choices": [{"delta": {"tool_calls": [3]}}]}\n\n')], "broken", "proper answer"),
        ([Raw(b"data: \xff\xfe\n\n")], "broken", "proper answer"),
        ([Cut()], "connection", "connection broke"),
        (["Half of", Cut()], "connection", "connection broke"),
        (["Half of", End()], "broken", "broke off"),
        ([End()], "broken", "broke off"),
        ([], "broken", "no words"),
        (["Well", Finish("content_filter")], "broken", "content filter"),
        ([Finish("length")], "broken", "longer"),
    ],
)
async def test_each_fault_says_what_is_wrong_and_is_counted(
    server: OpenAIServer, model: OpenAILanguageModel, answer: Answer, fault: str, words: str
) -> None:
    def count() -> float:
        labels = {"provider": "gpt-test", "fault": fault}
        return REGISTRY.get_sample_value("offhook_provider_failures_total", labels) or 0

    before = count()
    server.will(answer)
    with pytest.raises(ReplyError, match=words):
        await replied(model)
    assert count() == before + 1


async def test_a_server_that_is_gone_is_a_fault_like_any_other() -> None:
    async with openai_server() as server:
        url = server.url
    model = OpenAILanguageModel(load_settings(openai_base_url=url), "gpt-test")
    await model.start()
    with pytest.raises(ReplyError, match="OPENAI_BASE_URL"):
        await replied(model)
    await model.aclose()


async def test_a_reply_that_is_given_up_leaves_no_task(
    server: OpenAIServer, model: OpenAILanguageModel
) -> None:
    server.will(["Good."])
    await replied(model)
    before = asyncio.all_tasks()
    for _ in range(20):
        server.will(["Good", " morning", Stall()])
        async with aclosing(model.reply(TALK)) as events:
            await anext(events)
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > len(before) + 1:
            await asyncio.sleep(0.01)


async def test_200_replies_at_once_all_run(server: OpenAIServer, model: OpenAILanguageModel) -> None:
    for _ in range(200):
        server.will(["Good", " morning."])
    async with asyncio.TaskGroup() as tasks:
        replies = [tasks.create_task(replied(model)) for _ in range(200)]
    assert {spoken(reply.result()) for reply in replies} == {"Good morning."}
