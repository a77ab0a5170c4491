"""Calls that the server places, through the REST API of a Twilio on loopback, to simulated phones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from app.services.text_to_speech import TextToSpeech
from app.simulator.exchange import Callee
from app.simulator.report import CallReport
from app.simulator.script import HangUp, WaitForHangUp, WaitForTurn
from app.simulator.violations import Violation
from app.simulator.voice import spoken
from tests.calls.conftest import serving
from tests.calls.servers import RunningServer, over
from tests.providers.twilio_rest_server import (
    ACCOUNT,
    NUMBER,
    TOKEN,
    Refuse,
    TwilioRestServer,
    twilio_rest_server,
)

VOICEMAIL = "Sorry that I missed you."
PERSON, MACHINE, LONG_MACHINE, BUSY, NOBODY, DEAD = (f"+1555012{digit}" for digit in range(6))


class Phones:
    """Who answers at which number; filled before the first call."""

    def __init__(self) -> None:
        self.by_number: dict[str, Callee] = {
            BUSY: Callee(outcome="busy"),
            NOBODY: Callee(outcome="no-answer"),
            DEAD: Callee(outcome="failed"),
        }

    def answer(self, number: str) -> Callee:
        return self.by_number[number]


@pytest.fixture(scope="module")
def phones() -> Phones:
    return Phones()


@pytest.fixture(scope="module")
async def twilio(phones: Phones) -> AsyncIterator[TwilioRestServer]:
    async with twilio_rest_server(phones.answer) as server:
        yield server


@pytest.fixture(scope="module")
async def server(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory, twilio: TwilioRestServer
) -> AsyncIterator[RunningServer]:
    async with serving(
        postgres_server,
        tmp_path_factory.mktemp("outbound"),
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
        twilio_phone_number=NUMBER,
        twilio_api_url=twilio.url,
        agent_greeting="Hello, this is Offhook.",
        agent_voicemail=f"{VOICEMAIL} Goodbye.",
    ) as server:
        yield server


async def order(server: RunningServer, body: Any, token: str = "operator") -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        return await client.post("/api/calls", json=body, headers={"Authorization": f"Bearer {token}"})


async def placed(server: RunningServer, to: str, **more: str) -> Any:
    response = await order(server, {"to": to} | more)
    assert response.status_code == 201, response.text
    return response.json()


async def test_a_call_is_one_of_ours_from_its_placement_on(server: RunningServer) -> None:
    call = await placed(server, NOBODY, user_id="anna")
    assert call["status"] == "queued"
    told = {key: call[key] for key in ("direction", "from_number", "to_number", "user_id")}
    assert told == {"direction": "outbound", "from_number": NUMBER, "to_number": NOBODY, "user_id": "anna"}
    stored = await server.call(call["call_sid"])
    assert told.items() <= stored.items()
    assert stored["status"] in ("queued", "ringing", "no-answer")


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [(BUSY, "busy", "busy"), (NOBODY, "no-answer", "no_answer"), (DEAD, "failed", "failed")],
)
async def test_a_call_that_comes_to_nothing_says_how(
    server: RunningServer, number: str, status: str, reason: str
) -> None:
    call = await placed(server, number)
    stored = await server.call(call["call_sid"], over)
    assert (stored["status"], stored["end_reason"], stored["started_at"]) == (status, reason, None)


async def machine(server: RunningServer, announcement: str) -> Callee:
    """It announces itself, beeps, and takes whatever message comes."""
    voice: TextToSpeech = server.app.state.voice
    announced = await spoken(voice, announcement)
    return Callee(
        [announced, WaitForHangUp()],
        answered_by="machine_end_beep",
        verdict_after=len(announced.audio) / 8000,
    )


@dataclass
class Answered:
    """A call that was answered: what the phone makes of it, and what is stored."""

    report: CallReport
    violations: list[Violation]
    stored: Any

    @property
    def agent_lines(self) -> list[str]:
        return [line["text"] for line in self.stored["transcript"] if line["speaker"] == "assistant"]


@pytest.fixture(scope="module")
async def answered(server: RunningServer, twilio: TwilioRestServer, phones: Phones) -> dict[str, Answered]:
    """Three calls at once, to save time: a person, a machine, and one that announces itself at length."""
    phones.by_number[PERSON] = Callee([WaitForTurn(), HangUp()], verdict_after=1.0)
    phones.by_number[MACHINE] = await machine(server, "You have reached Anna.")
    phones.by_number[LONG_MACHINE] = await machine(
        server,
        "You have reached Anna and Peter. We cannot come to the telephone at the moment. Please speak after "
        "the tone.",
    )

    async def call(number: str, **more: str) -> Answered:
        call_sid = (await placed(server, number, **more))["call_sid"]
        ended = await twilio.finished(call_sid)
        assert ended.report is not None
        return Answered(ended.report, ended.violations, await server.call(call_sid, over))

    calls = await asyncio.gather(
        call(LONG_MACHINE), call(MACHINE), call(PERSON, greeting="Good evening, this is your pharmacy.")
    )
    return dict(zip((LONG_MACHINE, MACHINE, PERSON), calls, strict=True))


async def test_twilio_has_nothing_to_complain_about(answered: dict[str, Answered]) -> None:
    for call in answered.values():
        assert not call.report.violations
        assert not call.violations


async def test_a_person_is_greeted_with_the_words_of_the_order(answered: dict[str, Answered]) -> None:
    call = answered[PERSON]
    assert call.report.ok, call.report.problems
    (said,) = call.agent_lines
    # On a busy machine the voice takes its time for words it has never said, and the line is not left silent.
    assert said.endswith("Good evening, this is your pharmacy.")
    assert (call.stored["answered_by"], call.stored["status"]) == ("human", "completed")


async def test_nobody_is_greeted_before_it_is_known_who_that_is(answered: dict[str, Answered]) -> None:
    greeted_ms = answered[PERSON].report.greeting_ms
    assert greeted_ms is not None
    assert greeted_ms > 800


async def test_a_machine_gets_its_message_once_after_the_beep(answered: dict[str, Answered]) -> None:
    call = answered[MACHINE]
    assert (call.report.ended_by, call.report.problems) == ("agent", ())
    assert call.agent_lines == [f"{VOICEMAIL} Goodbye."]
    assert (call.stored["answered_by"], call.stored["end_reason"]) == ("machine_end_beep", "agent_hung_up")


async def test_a_machine_that_announces_itself_at_length_gets_its_message_once_all_the_same(
    answered: dict[str, Answered],
) -> None:
    call = answered[LONG_MACHINE]
    assert call.report.ended_by == "agent"
    assert len([line for line in call.agent_lines if VOICEMAIL in line]) == 1
    assert VOICEMAIL in call.agent_lines[-1]
    assert call.stored["end_reason"] == "agent_hung_up"


async def test_only_the_operator_may_call(server: RunningServer) -> None:
    assert (await order(server, {"to": PERSON}, token="nobody")).status_code == 401


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"to": "0155501"}, "invalid_number"),
        ({"to": "+1 555 0100 200"}, "invalid_number"),
        ({"to": "+0123456789"}, "invalid_number"),
        ({"to": PERSON, "user_id": "two words"}, "invalid_user_id"),
        ({"to": PERSON, "greeting": " "}, "invalid_greeting"),
        ({"to": PERSON, "colour": "red"}, "invalid_order"),
        ({}, "invalid_order"),
    ],
)
async def test_an_order_that_cannot_be_meant_is_refused(server: RunningServer, body: Any, code: str) -> None:
    response = await order(server, body)
    assert (response.status_code, response.json()["error"]["code"]) == (422, code)


async def test_an_order_that_is_no_text_is_refused(server: RunningServer) -> None:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        headers = {"Authorization": "Bearer operator"}
        response = await client.post("/api/calls", content=b'{"to": "\xff"}', headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid_order")


async def test_twilios_refusal_is_told_with_its_code_and_words(
    server: RunningServer, twilio: TwilioRestServer
) -> None:
    twilio.will(Refuse(400, 21215, "Account not authorized to call that country"))
    response = await order(server, {"to": PERSON})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (502, "refused_by_twilio")
    assert "21215" in error["message"]
    assert "not authorized to call that country" in error["message"]


async def test_a_call_that_twilio_keeps_after_its_end_is_ended_by_request(
    server: RunningServer, twilio: TwilioRestServer
) -> None:
    call_sid = "CA" + "f" * 32
    form = {"CallSid": call_sid, "From": PERSON, "To": NUMBER, "Direction": "inbound"}
    twiml = await server.twiml("/voice/incoming", form)
    async with server.stream(twiml, call_sid) as socket:
        await socket.recv()
        server.app.state.manager.close_connection(call_sid, "max_duration")
        await socket.wait_closed()
    async with asyncio.timeout(10):
        # Without an event to wait for: it is the server that asks.
        while not (asked := [form for path, form in twilio.requests if path.endswith(f"/{call_sid}.json")]):
            await asyncio.sleep(0.05)
    assert asked[0]["Status"] == "completed"
