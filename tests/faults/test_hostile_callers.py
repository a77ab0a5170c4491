"""People who try things, against a whole server: forged, replayed and borrowed tokens, too much of all."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import asyncpg
import httpx2
import jwt
import pytest
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from app.settings import load_settings
from app.telephony import tokens
from app.telephony.tokens import StreamTokens
from tests.calls.conftest import serving_cheaply
from tests.calls.servers import RunningServer, over

ISSUER = "https://project.supabase.co/auth/v1"
SECRET = "a-shared-secret-of-more-than-32-bytes"
CONNECTIONS = 8
"""MAX_CONNECTIONS_PER_IP. Each test comes from an address of its own: they share the minute."""


@pytest.fixture(scope="module")
async def server(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningServer]:
    async with serving_cheaply(
        postgres_server,
        tmp_path_factory.mktemp("hostile"),
        twilio_auth_token="secret",
        supabase_jwt_secret=SECRET,
        supabase_jwt_issuer=ISSUER,
        max_connections_per_ip=CONNECTIONS,
        max_calls_per_user=1,
    ) as server:
        connection = await asyncpg.connect(server.settings.database_url)
        await connection.execute("INSERT INTO users (id) VALUES ('ann'), ('bob')")
        await connection.execute(
            "INSERT INTO phone_numbers VALUES ('+15550001', 'ann'), ('+15550002', 'bob')"
        )
        await connection.close()
        yield server


def call(server: RunningServer, number: str = "+15550009") -> dict[str, str]:
    return {"CallSid": f"CA{uuid4().hex}", "From": number, "To": "+15550100", "CallStatus": "ringing"}


async def token_of(server: RunningServer, form: dict[str, str]) -> str:
    """What Twilio is told to bring to the stream of this call."""
    twiml = ElementTree.fromstring((await server.post("/voice/incoming", form)).text)
    parameter = twiml.find("Connect/Stream/Parameter")
    assert parameter is not None, "no stream is offered"
    return parameter.get("value") or ""


@asynccontextmanager
async def socket(server: RunningServer, address: str) -> AsyncIterator[ClientConnection]:
    signature = RequestValidator("secret").compute_signature(server.websocket_url, {})
    async with connect(
        server.websocket_url,
        additional_headers={"X-Twilio-Signature": signature},
        local_addr=(address, 0),
        max_queue=None,  # what is not read must not hide the close behind it
    ) as opened:
        yield opened


async def begin(opened: ClientConnection, call_sid: str, token: str | None) -> None:
    parameters = {} if token is None else {"token": token}
    start = {"callSid": call_sid, "customParameters": parameters}
    await opened.send(json.dumps({"event": "start", "streamSid": "MZ1", "start": start}))


async def refusal(server: RunningServer, address: str, call_sid: str, token: str | None) -> tuple[int, str]:
    async with socket(server, address) as opened:
        await begin(opened, call_sid, token)
        async with asyncio.timeout(5):
            await opened.wait_closed()
    return opened.close_code or 0, opened.close_reason or ""


async def heard(opened: ClientConnection) -> None:
    """The greeting has begun: the stream is open."""
    async with asyncio.timeout(10):
        assert json.loads(await opened.recv())["event"] == "media"


async def test_a_token_opens_one_stream_and_is_refused_the_second_time(server: RunningServer) -> None:
    form = call(server)
    token = await token_of(server, form)
    async with socket(server, "127.0.1.1") as opened:
        await begin(opened, form["CallSid"], token)
        await heard(opened)
    assert await refusal(server, "127.0.1.1", form["CallSid"], token) == (1008, "the token has been used")


async def test_a_token_does_not_open_somebody_elses_call(server: RunningServer) -> None:
    token = await token_of(server, call(server))
    code, reason = await refusal(server, "127.0.1.2", call(server)["CallSid"], token)
    assert (code, reason) == (1008, "the token was made for another call")


async def test_expired_and_forged_tokens_open_nothing(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = StreamTokens(load_settings(twilio_auth_token="guessed")).issue("CA1")
    monkeypatch.setattr(tokens, "LIFETIME_SECONDS", -1)
    expired = StreamTokens(server.settings).issue("CA1")
    for token in (forged, expired, "x", None, jwt.encode({"sub": "CA1"}, SECRET, "HS256")):
        assert (await refusal(server, "127.0.1.3", "CA1", token))[0] == 1008


async def test_strangers_have_so_many_connections_a_minute(server: RunningServer) -> None:
    for _ in range(CONNECTIONS):
        with pytest.raises(InvalidStatus) as caught:
            await connect(server.websocket_url, local_addr=("127.0.1.4", 0))
        assert caught.value.response.status_code == 403
    for _ in range(3):
        with pytest.raises(InvalidStatus) as caught:
            async with socket(server, "127.0.1.4"):
                pass
        assert caught.value.response.status_code == 429
    async with socket(server, "127.0.1.5"):
        pass  # another address is another matter


async def test_twilio_may_bring_any_number_of_calls_from_one_address(server: RunningServer) -> None:
    for _ in range(CONNECTIONS + 3):
        form = call(server)
        async with socket(server, "127.0.1.6") as opened:
            await begin(opened, form["CallSid"], await token_of(server, form))
            await opened.send('{"event":"stop"}')
            await opened.wait_closed()
        assert opened.close_code == 1000


async def test_a_forwarding_header_is_nobodys_word(server: RunningServer) -> None:
    for number in range(CONNECTIONS + 1):
        with pytest.raises(InvalidStatus) as caught:
            await connect(
                server.websocket_url,
                local_addr=("127.0.1.7", 0),
                additional_headers={"X-Forwarded-For": f"198.51.100.{number}"},
            )
    assert caught.value.response.status_code == 429


async def test_one_user_has_so_many_calls_at_once(server: RunningServer) -> None:
    form = call(server, "+15550001")
    async with socket(server, "127.0.1.8") as opened:
        await begin(opened, form["CallSid"], await token_of(server, form))
        await heard(opened)
        answer = await server.post("/voice/incoming", call(server, "+15550001"))
        assert [verb.tag for verb in ElementTree.fromstring(answer.text)] == ["Say", "Hangup"]
        assert await token_of(server, call(server, "+15550002"))


async def test_a_flood_is_thinned_out_and_then_cut_off(server: RunningServer) -> None:
    form = call(server)
    payload = b64encode(bytes(160)).decode()
    chunk = json.dumps({"event": "media", "streamSid": "MZ1", "media": {"payload": payload}})
    async with socket(server, "127.0.1.9") as opened:
        await begin(opened, form["CallSid"], await token_of(server, form))
        await heard(opened)
        for _ in range(3000):
            opened.transport.write(b"\x81\xfe" + len(chunk).to_bytes(2) + bytes(4) + chunk.encode())
        async with asyncio.timeout(10):
            await opened.wait_closed()
    assert (opened.close_code, opened.close_reason) == (1008, "flooded")
    stored = await server.call(form["CallSid"], over)
    assert stored["end_reason"] == "flooded"
    assert 100 <= stored["stats"]["audio_chunks_received"] < 1000
    assert stored["stats"]["protocol_errors"]["too_many_chunks"] >= 1000


async def test_a_signature_is_good_for_its_own_path_only(server: RunningServer) -> None:
    form = call(server) | {"CallStatus": "in-progress"}
    signature = RequestValidator("secret").compute_signature(server.url + "/voice/status", form)
    port = server.settings.port
    tricks: list[tuple[str, dict[str, str]]] = [
        ("/voice/next", {}),
        ("/voice/next?/voice/status", {}),
        ("/voice/nex%74", {}),
        ("/voice/next", {"Host": f"127.0.0.1:{port}/voice/status?"}),
        ("/voice/next", {"Host": f"127.0.0.1:{port}/voice/status#"}),
        ("/voice/next", {"X-Original-URL": "/voice/status", "X-Forwarded-Host": "evil.example"}),
    ]
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        for path, headers in tricks:
            signed = headers | {"X-Twilio-Signature": signature}
            answer = await client.post(path, data=form, headers=signed)
            assert answer.status_code in (400, 403, 404), (path, headers)
        good = await client.post("/voice/status", data=form, headers={"X-Twilio-Signature": signature})
        assert good.status_code == 204


async def test_a_webhook_may_be_signed_json(server: RunningServer) -> None:
    body = json.dumps(call(server))
    validator = RequestValidator("secret")
    path = f"/voice/incoming?bodySHA256={validator.compute_hash(body)}"
    headers = {"Content-Type": "application/json"}
    headers["X-Twilio-Signature"] = validator.compute_signature(server.url + path, {})
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        assert (await client.post(path, content=body, headers=headers)).status_code == 200
        changed = body.replace("+15550100", "+15550101")
        assert (await client.post(path, content=changed, headers=headers)).status_code == 403
        assert (await client.post(path, content=b"\xff", headers=headers)).status_code == 400


async def test_a_form_of_another_kind_or_size_is_refused(server: RunningServer) -> None:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        file = {"CallSid": ("a.txt", b"x")}
        assert (await client.post("/voice/incoming", files=file)).status_code == 415
        assert (await client.post("/voice/incoming", data={"a": "b" * 70_000})).status_code == 413
        assert (
            await client.post("/voice/incoming", data={str(n): "x" for n in range(300)})
        ).status_code == 400


def user_token(user: str, **claims: Any) -> str:
    good = {"sub": user, "aud": "authenticated", "iss": ISSUER, "exp": time.time() + 60}
    return jwt.encode(good | claims, SECRET, "HS256")


async def test_a_user_sees_their_own_calls_only(server: RunningServer) -> None:
    sids = {}
    for user in ("ann", "bob"):
        sids[user] = f"CA{uuid4().hex}"
        connection = await asyncpg.connect(server.settings.database_url)
        await connection.execute(
            "INSERT INTO calls (call_sid, user_id, direction, from_number, to_number, status, started_at,"
            " ended_at, end_reason) VALUES ($1, $2, 'inbound', '', '', 'completed', now(), now(), 'x')",
            sids[user],
            user,
        )
        await connection.close()
    ann = user_token("ann")
    listed = (await server.get("/api/calls", ann)).json()["calls"]
    assert sids["ann"] in {call["call_sid"] for call in listed}
    assert {call["user_id"] for call in listed} == {"ann"}
    assert (await server.get("/api/calls?user_id=bob", ann)).status_code == 403
    assert (await server.get(f"/api/calls/{sids['ann']}", ann)).status_code == 200
    for path in ("", "/transcript", "/events"):
        assert (await server.get(f"/api/calls/{sids['bob']}{path}", ann)).status_code == 404
        assert (await server.get(f"/api/calls/{sids['bob']}{path}", "nobody")).status_code == 401
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        bearer = {"Authorization": f"Bearer {ann}"}
        assert (await client.delete(f"/api/calls/{sids['bob']}", headers=bearer)).status_code == 404
        assert (await client.delete(f"/api/calls/{sids['ann']}", headers=bearer)).status_code == 204
    assert (await server.get(f"/api/calls/{sids['bob']}")).status_code == 200


@pytest.mark.parametrize(
    "token", ["x", "operato", "operator2", "opérator", user_token("ann", exp=1), "a.b.c"]
)
async def test_who_is_nobody_sees_nothing(server: RunningServer, token: str) -> None:
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False) as client:
        bearer = {b"Authorization": f"Bearer {token}".encode()}
        answer = await client.get("/api/calls", headers=bearer)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
