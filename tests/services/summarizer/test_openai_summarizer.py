"""Summaries by the real client library from a server on loopback, and what happens when it fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.services.language_model import Item, Message
from app.services.summarizer import Summary
from app.services.summarizer import openai as openai_summarizer
from app.services.summarizer.failover import FailoverSummarizer
from app.services.summarizer.interface import SummaryError
from app.services.summarizer.local import LocalSummarizer
from app.services.summarizer.openai import OpenAISummarizer
from app.settings import load_settings
from tests.providers.openai_server import Answer, OpenAIServer, Raw, Refusal, Status, openai_server
from tests.services.language_model.talking import SATURDAY_MORNING as ENDED

MESSAGES = (
    Message("assistant", "Hello, this is Offhook."),
    Message("user", "Remind me to call Anna tomorrow at three."),
    Message("assistant", "Okay, tomorrow", interrupted=True),
    Message("user", "Thanks, bye."),
)
ITEMS = (Item("a" * 32, "reminder", "call Anna", ENDED + timedelta(days=1)),)
AT_ONCE = {"retry-after-ms": "1"}


def written(summary: str = "The caller wants to be reminded.", **changed: Any) -> str:
    action = {"text": "Call Anna", "due_at": "2026-11-22T14:00:00Z", "kind": "reminder"}
    return json.dumps({"summary": summary, "key_points": ["Anna waits."], "action_items": [action]} | changed)


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as server:
        yield server


@pytest.fixture
def summarizer(server: OpenAIServer) -> OpenAISummarizer:
    return OpenAISummarizer(
        load_settings(
            openai_api_key="sk-test", openai_base_url=server.url, openai_summary_model="gpt-summary"
        )
    )


async def summarized(
    summarizer: OpenAISummarizer | FailoverSummarizer, messages: tuple[Message, ...] = MESSAGES
) -> Summary:
    return await summarizer.summarize(messages, ITEMS, ENDED)


def asked(server: OpenAIServer) -> list[str]:
    """What the model was given to read, a string a request."""
    return [request["messages"][1]["content"] for request in server.requests]


async def test_a_summary_is_what_the_model_wrote(server: OpenAIServer, summarizer: OpenAISummarizer) -> None:
    server.will([written()])
    summary = await summarized(summarizer)
    assert summary.summary == "The caller wants to be reminded."
    assert summary.key_points == ("Anna waits.",)
    (action,) = summary.action_items
    assert (action.text, action.kind, f"{action.due_at:%a %H:%M %z}") == (
        "Call Anna",
        "reminder",
        "Sun 15:00 +0100",
    )
    assert summary.model == "gpt-summary"


async def test_the_schema_is_strict_and_the_whole_call_is_told(
    server: OpenAIServer, summarizer: OpenAISummarizer
) -> None:
    server.will([written()])
    await summarized(summarizer)
    schema = server.requests[0]["response_format"]["json_schema"]
    assert schema["strict"] is True
    assert schema["schema"]["additionalProperties"] is False
    assert asked(server)[0].splitlines() == [
        "The call ended on Saturday, 2026-11-21T08:12:30+01:00.",
        "Noted by the assistant: reminder “call Anna”, due 2026-11-22T08:12+01:00 (noted)",
        "",
        "Assistant: Hello, this is Offhook.",
        "Caller: Remind me to call Anna tomorrow at three.",
        "Assistant: Okay, tomorrow (interrupted)",
        "Caller: Thanks, bye.",
    ]


@pytest.mark.parametrize("due", ["tomorrow", "2026-11-22", "2026-11-22T15:00:00", "", "2026-13-01T00:00:00Z"])
async def test_a_due_time_that_is_none_is_left_out(
    server: OpenAIServer, summarizer: OpenAISummarizer, due: str
) -> None:
    server.will([written(action_items=[{"text": "Call Anna", "due_at": due, "kind": None}])])
    (action,) = (await summarized(summarizer)).action_items
    assert (action.text, action.due_at, action.kind) == ("Call Anna", None, None)


@pytest.mark.parametrize(
    "answer",
    [
        [Refusal("I'd rather not.")],
        ["Here is your summary: the caller"],
        [written()[:-9]],
        ['{"summary": "Only that."}'],
        [written(action_items=[{"text": "x", "due_at": None, "kind": "alarm"}])],
        [written(summary=" ")],
        [],
        [Raw(b"[]")],
        [Raw(b'{"choices": []}')],
        [Raw(b'{"choices": null}')],
    ],
    ids=str,
)
async def test_a_refusal_or_broken_json_is_asked_again(
    server: OpenAIServer, summarizer: OpenAISummarizer, answer: Answer
) -> None:
    server.will(answer, answer, [written()])
    assert (await summarized(summarizer)).model == "gpt-summary"
    server.will(answer, answer, answer, [written()])
    with pytest.raises(SummaryError, match="gave no proper answer"):
        await summarized(summarizer)


async def test_a_refusal_is_told_in_the_models_own_words(
    server: OpenAIServer, summarizer: OpenAISummarizer
) -> None:
    for _ in range(openai_summarizer.TRIES):
        server.will([Refusal("I'd rather not.")])
    with pytest.raises(SummaryError, match="it refused: I'd rather not"):
        await summarized(summarizer)


async def test_json_in_a_code_fence_is_json(server: OpenAIServer, summarizer: OpenAISummarizer) -> None:
    server.will([f"```json\n{written()}\n```"])
    assert (await summarized(summarizer)).summary == "The caller wants to be reminded."


async def test_a_passing_fault_is_waited_out(server: OpenAIServer, summarizer: OpenAISummarizer) -> None:
    server.will(Status(500, headers=AT_ONCE), Status(429, headers=AT_ONCE), [written()])
    assert (await summarized(summarizer)).model == "gpt-summary"


LONG = tuple(Message("user", f"Sentence number {number} of a very long call.") for number in range(8000))


async def test_a_long_call_is_summarised_in_parts_and_these_in_one(
    server: OpenAIServer, summarizer: OpenAISummarizer
) -> None:
    server.context_characters = openai_summarizer.PART_CHARACTERS + 10_000
    parts: list[Answer] = [[written(f"Part {number}.")] for number in range(4)]
    server.will(*parts, [written("All of it.")])
    assert (await summarized(summarizer, LONG)).summary == "All of it."
    *each, merging = asked(server)
    assert len(each) == 4
    told = [line for text in each for line in text.splitlines() if line.startswith("Caller: ")]
    assert told == [f"Caller: {message.text}" for message in LONG]
    assert openai_summarizer.MERGING in merging
    assert all(f"Part {number}." in merging for number in range(4))
    assert all("call Anna" in text for text in asked(server))


async def test_parts_are_halved_until_they_fit_the_context(
    server: OpenAIServer, summarizer: OpenAISummarizer
) -> None:
    server.context_characters = 30_000
    for number in range(60):
        server.will([written(f"Part {number}.")])
    assert (await summarized(summarizer, LONG[:2000])).model == "gpt-summary"
    fitting = [text for text in asked(server) if len(text) < 28_000]
    told = [line for text in fitting for line in text.splitlines() if line.startswith("Caller: ")]
    assert told == [f"Caller: {message.text}" for message in LONG[:2000]]


async def test_summaries_that_do_not_get_shorter_are_given_up(
    server: OpenAIServer, summarizer: OpenAISummarizer
) -> None:
    for _ in range(20):
        server.will([written("x" * 200_000)])
    with pytest.raises(SummaryError, match="longer than what they sum up"):
        await summarized(summarizer, LONG)


async def test_the_local_summariser_stands_in_and_says_why(
    server: OpenAIServer, summarizer: OpenAISummarizer
) -> None:
    server.will(Status(401))
    summary = await summarized(FailoverSummarizer(summarizer, LocalSummarizer()))
    assert "call Anna" in summary.summary
    assert summary.model == ("local (after gpt-summary: OPENAI_API_KEY is missing or wrong. Make a new key.)")


async def test_while_openai_is_well_the_local_summariser_has_no_say(
    server: OpenAIServer, summarizer: OpenAISummarizer
) -> None:
    server.will([written()])
    failover = FailoverSummarizer(summarizer, LocalSummarizer())
    assert (await summarized(failover)).model == failover.name == "gpt-summary"


async def test_a_call_without_a_word_is_summarised_too(
    server: OpenAIServer, summarizer: OpenAISummarizer
) -> None:
    server.will([written("Nobody spoke.", key_points=[], action_items=[])])
    assert (await summarized(summarizer, ())).summary == "Nobody spoke."
