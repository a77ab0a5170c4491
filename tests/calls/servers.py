"""A server that runs, as its tests see it: from outside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import httpx2
from starlette.applications import Starlette
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect

from app.settings import Settings
from app.simulator.caller import SimulatedCall
from app.simulator.script import Step


def _client(url: str) -> httpx2.AsyncClient:
    """For loopback: to load the authorities for TLS would take 40 ms each time."""
    return httpx2.AsyncClient(base_url=url, trust_env=False, verify=False)


@dataclass
class RunningServer:
    settings: Settings
    app: Starlette

    @property
    def url(self) -> str:
        return self.settings.webhook_url

    @property
    def websocket_url(self) -> str:
        return self.settings.websocket_url

    @property
    def auth_token(self) -> str:
        return next(iter(self.settings.auth_tokens), "")

    def caller(self, steps: Sequence[Step], **options: Any) -> SimulatedCall:
        """A simulated caller who signs as this server demands."""
        return SimulatedCall(self.url, steps, auth_token=self.auth_token, **options)

    async def get(self, path: str, token: str = "operator") -> httpx2.Response:
        async with _client(self.url) as client:
            return await client.get(path, headers={"Authorization": f"Bearer {token}"})

    async def delete(self, path: str, token: str = "operator") -> httpx2.Response:
        async with _client(self.url) as client:
            return await client.delete(path, headers={"Authorization": f"Bearer {token}"})

    async def post(self, path: str, form: dict[str, str], signed: bool = True) -> httpx2.Response:
        """A webhook, as Twilio sends it."""
        headers = {}
        if signed and self.auth_token:
            signature = RequestValidator(self.auth_token).compute_signature(self.url + path, form)
            headers["X-Twilio-Signature"] = signature
        async with _client(self.url) as client:
            return await client.post(path, data=form, headers=headers)

    async def twiml(self, path: str, form: dict[str, str]) -> ElementTree.Element:
        """What Twilio is told to do, in answer to a webhook."""
        response = await self.post(path, form)
        assert response.status_code == 200, response.text
        return ElementTree.fromstring(response.text)

    @asynccontextmanager
    async def stream(self, twiml: ElementTree.Element, call_sid: str) -> AsyncIterator[ClientConnection]:
        """A media stream as this TwiML wants it, by a Twilio that sends no audio and does nothing more."""
        (parameter,) = twiml.iter("Parameter")
        signature = RequestValidator(self.auth_token).compute_signature(self.websocket_url, {})
        start = {"callSid": call_sid, "customParameters": {parameter.get("name"): parameter.get("value")}}
        # max_queue: whoever does not read what is sent must see the end of it all the same.
        async with connect(
            self.websocket_url,
            additional_headers={"X-Twilio-Signature": signature},
            max_queue=None,
        ) as socket:
            await socket.send(json.dumps({"event": "start", "streamSid": "MZ1", "start": start}))
            yield socket

    async def call(self, call_sid: str, until: Callable[[Any], bool] = bool, seconds: float = 20) -> Any:
        """The call as the API tells it, as soon as it is as expected."""
        call = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    response = await self.get(f"/api/calls/{call_sid}")
                    if response.status_code == 200:
                        call = response.json()
                        if until(call):
                            return call
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"the call did not become as expected: {call}") from None


def over(call: Any) -> bool:
    return call["ended_at"] is not None


def summarised(call: Any) -> bool:
    return call["summary"] is not None
