"""A server that calls out, as seen from an agent that uses Twilio's REST API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.websockets import WebSocket

from app.simulator.exchange import Callee, Exchange, exchange
from app.simulator.script import HangUp, Pause, WaitForHangUp
from tests.simulator.agent_server import Agent, serving

ACCOUNT, TOKEN = "AC" + "1" * 32, "12345"
EVERYTHING = ["initiated", "ringing", "answered", "completed"]


async def listen(agent: Agent, socket: WebSocket) -> None:
    """Say nothing until the call is over."""
    await agent.receive_until(socket, "stop")


class Orders:
    """An agent's calls to the REST API."""

    def __init__(self, agent: Agent, exchange: Exchange) -> None:
        self.agent = agent
        self.exchange = exchange

    async def post(self, path: str, form: dict[str, Any], token: str = TOKEN) -> httpx2.Response:
        async with httpx2.AsyncClient(trust_env=False, auth=(ACCOUNT, token)) as client:
            return await client.post(f"{self.exchange.url}/2010-04-01/Accounts/{ACCOUNT}/{path}", data=form)

    async def call(self, **more: Any) -> str:
        """Place a call; its SID."""
        base = f"{self.agent.url}/voice"
        form: dict[str, Any] = {"To": "+15550120", "From": "+15550100", "Url": f"{base}/incoming"}
        form |= {"StatusCallback": f"{base}/status", "StatusCallbackEvent": EVERYTHING}
        response = await self.post("Calls.json", form | more)
        assert response.status_code == 201
        return str(response.json()["sid"])

    def told(self, path: str, name: str) -> list[str]:
        return [form.get(name, "") for at, form, _ in self.agent.requests if at == path]


@asynccontextmanager
async def orders(callee: Callee, talk: Callable[[Agent, WebSocket], Any] = listen) -> AsyncIterator[Orders]:
    async with serving(talk) as agent, exchange(ACCOUNT, TOKEN, lambda _number: callee) as phones:
        yield Orders(agent, phones)


async def test_a_call_that_is_answered_is_told_from_beginning_to_end() -> None:
    async with orders(Callee([Pause(0.2), HangUp()], rings=0)) as agent:
        call = await agent.exchange.finished(await agent.call())
        assert agent.told("/voice/status", "CallStatus") == [
            "initiated", "ringing", "in-progress", "completed",
        ]  # fmt: skip
        assert agent.told("/voice/incoming", "CallStatus") == ["in-progress"]
        assert set(agent.told("/voice/incoming", "Direction")) == {"outbound-api"}
    assert call.report is not None
    assert call.report.ok, (call.report.violations, call.report.problems)


@pytest.mark.parametrize("outcome", ["busy", "no-answer", "failed"])
async def test_a_call_that_is_not_answered_says_why(outcome: Any) -> None:
    async with orders(Callee(outcome=outcome, rings=0)) as agent:
        await agent.exchange.finished(await agent.call())
        assert agent.told("/voice/status", "CallStatus")[-1] == outcome
        assert agent.told("/voice/incoming", "CallStatus") == []


async def test_who_has_answered_is_told_where_it_was_asked_for() -> None:
    callee = Callee([Pause(0.4), HangUp()], answered_by="fax", verdict_after=0.1, rings=0)
    async with orders(callee) as agent:
        asked = {"MachineDetection": "DetectMessageEnd", "AsyncAmd": "true"}
        url = f"{agent.agent.url}/voice/amd"
        await agent.exchange.finished(await agent.call(**asked, AsyncAmdStatusCallback=url))
        await agent.exchange.finished(await agent.call())
        assert agent.told("/voice/amd", "AnsweredBy") == ["fax"]


async def test_a_call_is_ended_by_request_and_then_unknown() -> None:
    async with orders(Callee([WaitForHangUp()], rings=0)) as agent:
        call_sid = await agent.call()
        while not agent.agent.upgrades:
            await agent.post(f"Calls/{'CA' + '0' * 32}.json", {})
        assert (await agent.post(f"Calls/{call_sid}.json", {"Status": "completed"})).status_code == 200
        call = await agent.exchange.finished(call_sid)
        gone = await agent.post(f"Calls/{call_sid}.json", {"Status": "completed"})
        assert (gone.status_code, gone.json()["code"]) == (404, 20404)
    assert call.report is not None
    assert call.report.ended_by == "agent"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 21201),
        ({"To": "+15550120"}, 21213),
        ({"To": "12", "From": "+15550100", "Url": "http://x"}, 21211),
    ],
)
async def test_an_order_that_twilio_would_refuse_is_refused(form: dict[str, str], code: int) -> None:
    async with orders(Callee()) as agent:
        response = await agent.post("Calls.json", form)
        assert (response.status_code, response.json()["code"]) == (400, code)


async def test_a_wrong_token_is_refused() -> None:
    async with orders(Callee()) as agent:
        response = await agent.post("Calls.json", {}, token="wrong")
        assert (response.status_code, response.json()["code"]) == (401, 20003)
