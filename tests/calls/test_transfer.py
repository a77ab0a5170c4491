"""A caller is connected to a person, as Twilio asks for it webhook by webhook. The talk has ended already."""

from __future__ import annotations

from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import asyncpg
import pytest

from app.beginnings import NOBODY_ANSWERED
from app.calls import MAX_RESUMES
from app.telephony.webhooks import MAX_TRIES
from tests.calls.servers import RunningServer

CALL = {"From": "+15550001", "To": "+15550002", "CallStatus": "in-progress", "Direction": "inbound"}


@pytest.fixture(scope="module")
def server(web_server: RunningServer) -> RunningServer:
    return web_server


def verbs(twiml: ElementTree.Element) -> list[str]:
    return [verb.tag for verb in twiml]


def agent_lines(call: Any) -> list[str]:
    return [line["text"] for line in call["transcript"] if line["speaker"] == "assistant"]


def ended(reason: str) -> Any:
    return lambda call: call["end_reason"] == reason


async def talked(server: RunningServer, form: dict[str, str], twiml: ElementTree.Element) -> None:
    """A stream on which the assistant ends up promising a person."""
    call_sid = form["CallSid"]
    async with server.stream(twiml, call_sid) as socket:
        await socket.recv()
        server.app.state.manager.close_connection(call_sid, "transferred")
        await socket.wait_closed()


@pytest.fixture
async def form(server: RunningServer) -> dict[str, str]:
    """What Twilio says of a call in which a person was promised."""
    form = CALL | {"CallSid": f"CA{uuid4().hex}"}
    await talked(server, form, await server.twiml("/voice/incoming", form))
    return form


async def test_a_person_is_dialled_for_a_while(server: RunningServer, form: dict[str, str]) -> None:
    twiml = await server.twiml("/voice/next", form)
    (dial,) = twiml
    assert dial.text == server.settings.transfer_number
    assert dial.attrib == {"action": f"{server.url}/voice/next", "method": "POST", "timeout": "25"}


async def test_a_person_sees_our_number_where_we_had_called(
    server: RunningServer, form: dict[str, str]
) -> None:
    ours = form | {"Direction": "outbound-api", "From": "+15550100"}
    (dial,) = await server.twiml("/voice/next", ours)
    assert dial.get("callerId") == "+15550100"


async def test_a_caller_who_has_talked_to_a_person_is_done(
    server: RunningServer, form: dict[str, str]
) -> None:
    await server.twiml("/voice/next", form)
    assert verbs(await server.twiml("/voice/next", form | {"DialCallStatus": "completed"})) == ["Hangup"]
    await server.call(form["CallSid"], ended("transferred"))


@pytest.mark.parametrize("outcome", ["busy", "no-answer", "failed"])
async def test_a_caller_whom_nobody_answered_comes_back(
    server: RunningServer, form: dict[str, str], outcome: str
) -> None:
    twiml = await server.twiml("/voice/next", form | {"DialCallStatus": outcome})
    assert verbs(twiml) == ["Connect"]
    await server.call(form["CallSid"], ended("transfer_failed"))


async def test_a_caller_who_comes_back_is_told_that_nobody_answered(
    server: RunningServer, form: dict[str, str]
) -> None:
    twiml = await server.twiml("/voice/next", form | {"DialCallStatus": "no-answer"})
    async with server.stream(twiml, form["CallSid"]):
        told = NOBODY_ANSWERED.partition(".")[0]
        await server.call(form["CallSid"], lambda call: told in "".join(agent_lines(call)), seconds=10)


async def test_a_caller_who_cannot_come_back_is_not_left_waiting(
    server: RunningServer, form: dict[str, str]
) -> None:
    await server.twiml("/voice/next", form | {"DialCallStatus": "busy"})
    # The stream could not be opened, again and again.
    assert verbs(await server.twiml("/voice/next", form)) == ["Connect"]
    assert verbs(await server.twiml(f"/voice/next?tries={MAX_TRIES}", form)) == ["Say", "Hangup"]


async def test_a_caller_is_not_connected_for_ever(server: RunningServer, form: dict[str, str]) -> None:
    twiml = await server.twiml("/voice/next", form | {"DialCallStatus": "busy"})
    await talked(server, form, twiml)
    connection = await asyncpg.connect(server.settings.database_url)
    await connection.execute(
        "UPDATE calls SET resumes = $1 WHERE call_sid = $2", MAX_RESUMES, form["CallSid"]
    )
    await connection.close()
    twiml = await server.twiml("/voice/next", form | {"DialCallStatus": "busy"})
    assert verbs(twiml) == ["Say", "Hangup"]
