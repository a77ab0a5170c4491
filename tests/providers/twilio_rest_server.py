"""Twilio's REST API on loopback that can be told to fail."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app.settings import Settings, load_settings
from app.simulator.exchange import Callee, Exchange, refusal, serving

ACCOUNT = "AC" + "1" * 32
TOKEN = "secret"
NUMBER = "+15550100"


@dataclass(frozen=True)
class Refuse:
    """An error instead of an answer."""

    status: int
    code: int
    message: str = "on demand"


@dataclass(frozen=True)
class Answer:
    """An answer of somebody's who is not Twilio, or not as it was."""

    status: int
    text: str


class Stall:
    """No answer, for as long as anybody waits."""


class TwilioRestServer(Exchange):
    """An exchange that first does what is in `faults`, one a request; `requests` is what it was asked."""

    def __init__(self, account_sid: str, auth_token: str, answer: Callable[[str], Callee]) -> None:
        super().__init__(account_sid, auth_token, answer)
        self.faults: deque[Refuse | Answer | Stall] = deque()
        self.requests: list[tuple[str, FormData]] = []
        self.let_go = asyncio.Event()

    def will(self, *faults: Refuse | Answer | Stall) -> None:
        """Fail the next requests so."""
        self.faults.extend(faults)

    def settings(self, **more: object) -> Settings:
        """Those of a server that calls out over this one."""
        return load_settings(
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=TOKEN,
            twilio_phone_number=NUMBER,
            twilio_api_url=self.url,
            webhook_url="https://offhook.example.com",
            **more,
        )

    def _checked(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        endpoint = super()._checked(handler)

        async def faulty(request: Request) -> Response:
            self.requests.append((request.url.path, await request.form()))
            if self.faults:
                match self.faults.popleft():
                    case Refuse(status, code, message):
                        return refusal(status, code, message)
                    case Answer(status, text):
                        return Response(text, status, media_type="application/json")
                    case Stall():
                        await self.let_go.wait()
            return await endpoint(request)

        return faulty

    async def aclose(self) -> None:
        self.let_go.set()
        await super().aclose()


def silent(_number: str) -> Callee:
    """Nobody is ever there."""
    return Callee(outcome="no-answer", rings=0)


@asynccontextmanager
async def twilio_rest_server(
    answer: Callable[[str], Callee] = silent,
) -> AsyncIterator[TwilioRestServer]:
    server = TwilioRestServer(ACCOUNT, TOKEN, answer)
    app: Starlette = server.app()
    async with serving(app) as server.url:
        try:
            yield server
        finally:
            await server.aclose()
