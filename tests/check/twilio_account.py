"""The two pages of Twilio's REST API that `offhook check` reads, on loopback."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.providers.openai_server import serving

SID = "AC" + "0123456789abcdef" * 2
TOKEN = "f" * 32


@dataclass
class TwilioAccount:
    """An account of one token. Refuses with Twilio's own error."""

    url: str = ""
    status: str = "active"
    kind: str = "Full"
    broken: bool = False
    voice_urls: dict[str, str] = field(default_factory=dict)
    """By number."""

    async def account(self, request: Request) -> Response:
        return self._answer(request, {"sid": SID, "status": self.status, "type": self.kind})

    async def numbers(self, request: Request) -> Response:
        number = request.query_params["PhoneNumber"]
        found = [
            {"phone_number": number, "voice_url": url, "voice_method": "POST", "voice_application_sid": None}
            for owned, url in self.voice_urls.items()
            if owned == number
        ]
        return self._answer(request, {"incoming_phone_numbers": found})

    def _answer(self, request: Request, body: dict[str, object]) -> Response:
        if self.broken:
            return Response("<html>", 503)
        right = b64encode(f"{SID}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {right}" or request.path_params["sid"] != SID:
            return JSONResponse({"code": 20003, "message": "Authenticate", "status": 401}, 401)
        return JSONResponse(body)


@asynccontextmanager
async def twilio_account() -> AsyncIterator[TwilioAccount]:
    account = TwilioAccount()
    root = "/2010-04-01/Accounts/{sid}"
    routes = [
        Route(f"{root}.json", account.account),
        Route(f"{root}/IncomingPhoneNumbers.json", account.numbers),
    ]
    async with serving(Starlette(routes=routes)) as address:
        account.url = f"http://{address}"
        yield account
