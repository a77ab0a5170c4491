"""Twilio's REST API on loopback, and the phones it rings: for servers that call out."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.simulator.caller import Placed, SimulatedCall
from app.simulator.report import CallReport
from app.simulator.script import Step
from app.simulator.violations import Violation, ViolationError
from app.simulator.webhooks import TIMEOUT_SECONDS, Webhooks, new_sid

API = "/2010-04-01/Accounts/{account_sid}"

AUTHENTICATE = 20003
NOT_FOUND = 20404
NO_TO = 21201
NO_URL = 21205
INVALID_TO = 21211
NO_FROM = 21213

E164 = re.compile(r"\+[1-9][0-9]{6,14}")

Outcome = Literal["answers", "busy", "no-answer", "failed"]


@dataclass(frozen=True, slots=True)
class Callee:
    """Whoever is called. `steps` begin with the stream, as for a caller.

    `answered_by` is Twilio's verdict (AnsweredBy), given `verdict_after` seconds after the answer where the
    server asks for one; for a machine that is when its announcement, which `steps` play, is over. `options`
    are further ones of SimulatedCall.
    """

    steps: Sequence[Step] = ()
    outcome: Outcome = "answers"
    answered_by: str = "human"
    verdict_after: float = 0.5
    rings: float = 0.3
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ExchangeCall:
    """A call that a server has placed. `order` is the form that placed it; `report` stands once it is over,
    if it was answered."""

    call_sid: str
    order: FormData
    status: str = "queued"
    report: CallReport | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    talk: SimulatedCall | None = None
    violations: list[Violation] = field(default_factory=list)


class Exchange:
    """Takes the orders of one account. Use `exchange` to run one."""

    def __init__(self, account_sid: str, auth_token: str, answer: Callable[[str], Callee]) -> None:
        """`answer` tells who is called at a number."""
        self.url = ""
        self.calls: dict[str, ExchangeCall] = {}
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        """The REST API: an account, its calls, one call."""
        return Starlette(
            routes=[
                Route(f"{API}.json", self._checked(self._account)),
                Route(f"{API}/Calls.json", self._checked(self._place), methods=["POST"]),
                Route(f"{API}/Calls/{{call_sid}}.json", self._checked(self._change), methods=["POST"]),
            ]
        )

    def connect(self, call: SimulatedCall) -> None:
        """A call that came about otherwise, which the server may end."""
        self.calls[call.call_sid] = ExchangeCall(call.call_sid, FormData(), "in-progress", talk=call)

    async def finished(self, call_sid: str) -> ExchangeCall:
        """Wait for the end of a call that was placed."""
        call = self.calls[call_sid]
        await call.over.wait()
        return call

    async def aclose(self) -> None:
        """End every call."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _checked(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        secret = f"{self._account_sid}:{self._auth_token}".encode()
        expected = b"Basic " + base64.b64encode(secret)

        async def endpoint(request: Request) -> Response:
            given = request.headers.get("Authorization", "").encode()
            own = request.path_params["account_sid"] == self._account_sid
            if not own or not hmac.compare_digest(given, expected):
                return refusal(401, AUTHENTICATE, "Authenticate")
            return await handler(request)

        return endpoint

    async def _account(self, _request: Request) -> Response:
        return JSONResponse({"sid": self._account_sid, "status": "active", "friendly_name": "Loopback"})

    async def _place(self, request: Request) -> Response:
        order = await request.form()
        for name, code in (("To", NO_TO), ("From", NO_FROM), ("Url", NO_URL)):
            if not order.get(name):
                return refusal(400, code, f"No '{name}' is specified")
        if not E164.fullmatch(str(order["To"])):
            return refusal(
                400, INVALID_TO, f"The phone number you are attempting to call, {order['To']}, is not valid."
            )
        call = ExchangeCall(new_sid("CA"), order)
        self.calls[call.call_sid] = call
        task = asyncio.create_task(self._ring(call, self._answer(str(order["To"]))))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return self._told(call, 201)

    async def _change(self, request: Request) -> Response:
        call = self.calls.get(request.path_params["call_sid"])
        if call is None or call.over.is_set():
            return refusal(404, NOT_FOUND, f"The requested resource {request.url.path} was not found")
        if (await request.form()).get("Status") == "completed" and call.talk is not None:
            call.talk.end()
        return self._told(call, 200)

    def _told(self, call: ExchangeCall, status: int) -> Response:
        return JSONResponse(
            {
                "sid": call.call_sid,
                "account_sid": self._account_sid,
                "status": call.status,
                "to": call.order.get("To"),
                "from": call.order.get("From"),
                "direction": "outbound-api",
            },
            status,
        )

    async def _ring(self, call: ExchangeCall, callee: Callee) -> None:
        """One call, from the order to its end."""
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
                line = _Line(call, self._account_sid, Webhooks(client, self._auth_token))
                await line.tell("initiated")
                await line.tell("ringing")
                await asyncio.sleep(callee.rings)
                if callee.outcome == "answers":
                    await self._talk(call, callee, line)
                else:
                    await line.tell(callee.outcome, event="completed")
        finally:
            call.over.set()

    async def _talk(self, call: ExchangeCall, callee: Callee, line: _Line) -> None:
        order = call.order
        call.talk = SimulatedCall(
            "",
            callee.steps,
            auth_token=self._auth_token,
            call_sid=call.call_sid,
            account_sid=self._account_sid,
            from_number=str(order["From"]),
            to_number=str(order["To"]),
            placed=Placed(str(order["Url"]), str(order.get("StatusCallback", ""))),
            **callee.options,
        )
        await line.tell("in-progress", event="answered")
        async with asyncio.TaskGroup() as tasks:
            verdict = tasks.create_task(line.tell_verdict(callee.answered_by, callee.verdict_after))
            call.report = await call.talk.run()
            # Who hangs up before the verdict is never told.
            verdict.cancel()
        call.status = "completed"


class _Line:
    """What the server is told of a call, where it has asked for it."""

    def __init__(self, call: ExchangeCall, account_sid: str, webhooks: Webhooks) -> None:
        self._call = call
        self._account_sid = account_sid
        self._webhooks = webhooks

    async def tell(self, status: str, event: str = "") -> None:
        order = self._call.order
        self._call.status = status
        if url := order.get("StatusCallback"):
            wanted = order.getlist("StatusCallbackEvent") or ["completed"]
            if (event or status) in wanted:
                await self._send(str(url), {"CallStatus": status, "CallbackSource": "call-progress-events"})

    async def tell_verdict(self, answered_by: str, after: float) -> None:
        order = self._call.order
        url = order.get("AsyncAmdStatusCallback")
        if not url or order.get("AsyncAmd") != "true" or not order.get("MachineDetection"):
            return
        await asyncio.sleep(after)
        duration = str(round(after * 1000))
        await self._send(str(url), {"AnsweredBy": answered_by, "MachineDetectionDuration": duration})

    async def _send(self, url: str, form: dict[str, str]) -> None:
        order = self._call.order
        common = {
            "AccountSid": self._account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self._call.call_sid,
            "From": str(order["From"]),
            "To": str(order["To"]),
            "Direction": "outbound-api",
            "Timestamp": format_datetime(datetime.now(UTC)),
        }
        try:
            await self._webhooks.request(url, common | form)
        except ViolationError as error:
            self._call.violations.append(error.violation)


def refusal(status: int, code: int, message: str) -> Response:
    """An error as Twilio words it."""
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    return JSONResponse({"code": code, "message": message, "more_info": more_info, "status": status}, status)


@asynccontextmanager
async def exchange(
    account_sid: str, auth_token: str, answer: Callable[[str], Callee]
) -> AsyncIterator[Exchange]:
    """An exchange on loopback, for as long as the context lasts. Its `url` is for TWILIO_API_URL."""
    served = Exchange(account_sid, auth_token, answer)
    async with serving(served.app()) as served.url:
        try:
            yield served
        finally:
            await served.aclose()


@asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """Serve on a free port of loopback; yields the base URL."""
    server = _Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


class _Server(uvicorn.Server):
    """Leaves the signals to the program that it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
