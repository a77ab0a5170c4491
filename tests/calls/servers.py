"""A server that runs, as its tests see it: from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
from starlette.applications import Starlette
from twilio.request_validator import RequestValidator

from app.settings import Settings
from app.simulator.caller import SimulatedCall
from app.simulator.script import Step


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
        async with httpx2.AsyncClient(base_url=self.url, trust_env=False) as client:
            return await client.get(path, headers={"Authorization": f"Bearer {token}"})

    async def post(self, path: str, form: dict[str, str], signed: bool = True) -> httpx2.Response:
        """A webhook, as Twilio sends it."""
        headers = {}
        if signed and self.auth_token:
            signature = RequestValidator(self.auth_token).compute_signature(self.url + path, form)
            headers["X-Twilio-Signature"] = signature
        async with httpx2.AsyncClient(base_url=self.url, trust_env=False) as client:
            return await client.post(path, data=form, headers=headers)

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
