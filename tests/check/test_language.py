"""What `offhook check` says of language models, on a server of which every fault is asked for."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest

from app.check.language import check_language, check_models, check_summary, warn_of_models
from app.settings import load_settings
from tests.check.reading import levels, openai_settings
from tests.providers.openai_server import OpenAIServer, Status, openai_server

SUMMARY = '{"summary": "A test.", "key_points": [], "action_items": []}'


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with openai_server() as server:
        yield server


def listed(name: str, shutdown: date | None = None) -> dict[str, object]:
    return {
        "id": name,
        "object": "model",
        "created": 1,
        "owned_by": "x",
        "shutdown_date": shutdown and shutdown.isoformat(),
    }


async def test_a_model_that_answers_is_told_with_its_time(server: OpenAIServer) -> None:
    server.will(["Yes, I can."])
    (finding,) = await check_language(openai_settings(server.url))
    assert (finding.level.value, finding.subject) == ("✓", "gpt-test")
    assert "first word after 0." in finding.text


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (Status(401), "OPENAI_API_KEY is missing or wrong"),
        (Status(404), "Check the model's name"),
        (Status(429, {"code": "insufficient_quota"}), "no credit left"),
    ],
)
async def test_a_model_that_refuses_is_told_with_what_to_do(
    server: OpenAIServer, answer: Status, remedy: str
) -> None:
    server.will(answer)
    findings = await check_language(openai_settings(server.url))
    assert levels(findings) == "!✗"
    assert remedy in findings[0].text
    assert "add local to LANGUAGE_MODEL" in findings[1].advice


async def test_a_server_that_is_not_there_is_told() -> None:
    async with openai_server() as server:
        url = server.url
    findings = await check_language(openai_settings(url))
    assert levels(findings) == "!✗"
    assert "Check OPENAI_BASE_URL" in findings[0].text


async def test_the_local_assistant_behind_a_model_that_fails_keeps_calls_going(server: OpenAIServer) -> None:
    server.will(Status(401))
    assert levels(await check_language(openai_settings(server.url, language_model="auto"))) == "!✓"


async def test_a_summary_that_somebody_else_had_to_write_is_told_with_the_reason(
    server: OpenAIServer,
) -> None:
    server.will([SUMMARY], Status(401))
    settings = openai_settings(server.url)
    assert levels(await check_summary(settings)) == "✓"
    findings = await check_summary(settings)
    assert levels(findings) == "!"
    assert "written by local (after gpt-test: OPENAI_API_KEY is missing or wrong" in findings[0].text


@pytest.mark.parametrize(("days", "words"), [(-1, "was shut down on"), (30, "will be shut down on")])
async def test_a_model_past_or_near_its_shutdown_is_told_by_setting(
    server: OpenAIServer, days: int, words: str
) -> None:
    server.models = [listed("gpt-test", date.today() + timedelta(days=days)), listed("gpt-fine")]
    findings = await check_models(openai_settings(server.url, openai_summary_model="gpt-fine"))
    assert levels(findings) == "!"
    assert findings[0].subject == "OPENAI_MODEL"
    assert words in findings[0].text


async def test_a_model_that_nobody_uses_needs_no_word(server: OpenAIServer) -> None:
    server.models = [listed("gpt-test")]
    # OPENAI_REALTIME_MODEL is not on the list, but the voice is the local one.
    assert levels(await check_models(openai_settings(server.url))) == "✓"
    assert await check_models(openai_settings(server.url, language_model="local")) == []


async def test_what_is_announced_is_known_without_the_list() -> None:
    async with openai_server() as server:
        url = server.url
    findings = await check_models(openai_settings(url))
    assert levels(findings) == "!"
    assert "Check OPENAI_BASE_URL" in findings[0].text


async def test_a_starting_server_logs_what_will_be_shut_down(
    server: OpenAIServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.models = [listed("gpt-test", date.today() + timedelta(days=30))]
    with caplog.at_level(logging.INFO, "app.check.language"):
        await warn_of_models(openai_settings(server.url))
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "OPENAI_MODEL: gpt-test will be shut down" in caplog.text


async def test_a_list_that_cannot_be_had_is_no_error_at_a_servers_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with openai_server() as server:
        url = server.url
    await warn_of_models(openai_settings(url))
    assert "dates could not be looked up" in caplog.text


async def test_without_a_key_there_are_no_names_to_look_up() -> None:
    assert await check_models(load_settings()) == []
