"""What Twilio is told while a server cannot serve a call, and how often. tests/faults has whole servers."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4
from xml.etree import ElementTree

import pytest

from app.telephony.twiml import PROMPT_TRIES
from app.telephony.webhooks import MAX_TRIES
from tests.calls.servers import RunningServer

CALL = {"From": "+15550001", "To": "+15550002", "CallStatus": "in-progress", "Direction": "inbound"}


@pytest.fixture(scope="module")
def server(web_server: RunningServer) -> RunningServer:
    return web_server


@pytest.fixture
def form() -> dict[str, str]:
    return CALL | {"CallSid": f"CA{uuid4().hex}"}


@pytest.fixture
def draining(server: RunningServer) -> Iterator[RunningServer]:
    """As `server` is when it has been told to stop, and can be reached all the same."""
    server.app.state.manager.draining = True
    yield server
    server.app.state.manager.draining = False


def verbs(twiml: ElementTree.Element) -> list[str]:
    return [verb.tag for verb in twiml]


def action(twiml: ElementTree.Element) -> str:
    connect = twiml.find("Connect")
    assert connect is not None
    return connect.get("action", "").rpartition("/voice")[2]


async def test_a_new_call_waits_a_moment_for_a_server_that_stays(
    draining: RunningServer, form: dict[str, str]
) -> None:
    twiml = await draining.twiml("/voice/incoming?tries=7", form)
    assert verbs(twiml) == ["Pause", "Redirect"]
    assert twiml[1].text == f"{draining.url}/voice/incoming?tries=8"


async def test_a_call_that_is_handed_over_waits_for_a_server_that_stays(
    server: RunningServer, form: dict[str, str]
) -> None:
    await server.twiml("/voice/incoming", form)
    server.app.state.manager.draining = True
    twiml = await server.twiml("/voice/next", form)
    server.app.state.manager.draining = False
    assert verbs(twiml) == ["Pause", "Redirect"]
    assert twiml[1].text == f"{server.url}/voice/next?tries=1"
    assert verbs(await server.twiml("/voice/next?tries=1", form)) == ["Connect"]


@pytest.mark.parametrize("path", ["/voice/incoming", "/voice/next"])
async def test_nobody_waits_for_ever(server: RunningServer, form: dict[str, str], path: str) -> None:
    await server.twiml("/voice/incoming", form)
    server.app.state.manager.draining = True
    twiml = await server.twiml(f"{path}?tries={MAX_TRIES}", form)
    server.app.state.manager.draining = False
    assert verbs(twiml) == ["Say", "Hangup"]


async def test_a_call_whose_streams_do_not_open_gets_others_and_is_given_up_in_the_end(
    server: RunningServer, form: dict[str, str]
) -> None:
    told = [await server.twiml("/voice/incoming", form)]
    assert action(told[-1]) == "/next"
    while told[-1].find("Connect") is not None:
        told.append(await server.twiml(f"/voice{action(told[-1])}", form))
    assert [verbs(twiml) for twiml in told] == [
        *[["Connect"]] * (1 + PROMPT_TRIES),
        *[["Pause", "Connect"]] * (MAX_TRIES - PROMPT_TRIES),
        ["Say", "Hangup"],
    ]


@pytest.mark.parametrize("count", ["-1", "1e9", "99999", "%C2%B2", ""])
async def test_a_count_that_is_none_is_taken_for_the_first_try(
    server: RunningServer, form: dict[str, str], count: str
) -> None:
    assert action(await server.twiml(f"/voice/incoming?tries={count}", form)) == "/next"


async def test_twilios_fallback_goes_on_with_a_call_that_is_known(
    server: RunningServer, form: dict[str, str]
) -> None:
    fallback = form | {"ErrorUrl": f"{server.url}/voice/next", "ErrorCode": "11205"}
    assert action(await server.twiml("/voice/incoming", fallback)) == "/next"
    assert action(await server.twiml("/voice/incoming", fallback)) == "/next?tries=1"


async def test_the_next_webhook_comes_on_another_connection(
    server: RunningServer, form: dict[str, str]
) -> None:
    """So it reaches whoever is there by then."""
    assert (await server.post("/voice/incoming", form)).headers["Connection"] == "close"
