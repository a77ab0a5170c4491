from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from xml.etree import ElementTree

import asyncpg
import httpx2
import pytest
from twilio.request_validator import RequestValidator
from websockets import Origin
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.simulator.script import HangUp, Pause
from tests.calls.conftest import serving_cheaply
from tests.calls.servers import RunningServer, over

CALL = {
    "CallSid": "CAweb",
    "From": "+15550001",
    "To": "+15550002",
    "CallStatus": "ringing",
    "Direction": "inbound",
}


@pytest.fixture(scope="module")
def server(web_server: RunningServer) -> RunningServer:
    return web_server


@pytest.fixture(scope="module")
async def open_server(
    postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RunningServer]:
    async with serving_cheaply(postgres_server, tmp_path_factory.mktemp("open")) as server:
        yield server


async def answer(server: RunningServer, path: str, form: dict[str, str]) -> ElementTree.Element:
    response = await server.post(path, form)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/xml")
    return ElementTree.fromstring(response.text)


async def test_an_incoming_call_is_answered_with_a_stream_and_its_token(server: RunningServer) -> None:
    twiml = await answer(server, "/voice/incoming", CALL)
    connect_verb = twiml.find("Connect")
    assert connect_verb is not None
    assert connect_verb.get("action") == f"{server.url}/voice/next"
    stream = connect_verb.find("Stream")
    assert stream is not None
    assert stream.get("url") == server.websocket_url
    assert [parameter.get("name") for parameter in stream.findall("Parameter")] == ["token"]


async def test_recognition_is_opened_while_the_webhook_is_answered(server: RunningServer) -> None:
    await answer(server, "/voice/incoming", CALL | {"CallSid": "CAwarm"})
    assert "recognition that waits for CAwarm" in {task.get_name() for task in asyncio.all_tasks()}


async def test_the_same_webhook_twice_is_one_call(server: RunningServer) -> None:
    form = CALL | {"CallSid": "CAtwice"}
    await answer(server, "/voice/incoming", form)
    await answer(server, "/voice/incoming", form)
    stored = await server.call("CAtwice")
    assert (stored["status"], stored["from_number"], stored["user_id"]) == ("ringing", "+15550001", None)
    calls = (await server.get("/api/calls")).json()["calls"]
    assert [call["call_sid"] for call in calls].count("CAtwice") == 1


async def test_a_known_number_is_its_users_call(server: RunningServer) -> None:
    connection = await asyncpg.connect(server.settings.database_url)
    await connection.execute("INSERT INTO users (id, name) VALUES ('user1', 'Anna')")
    await connection.execute("INSERT INTO phone_numbers (number, user_id) VALUES ('+15550111', 'user1')")
    await connection.close()
    call = server.caller([Pause(0.5), HangUp()], from_number="+15550111")
    await call.run()
    assert (await server.call(call.call_sid, over))["user_id"] == "user1"


@pytest.mark.parametrize(
    "path", ["/voice/incoming", "/voice/next", "/voice/amd", "/voice/status", "/voice/stream-status"]
)
async def test_unsigned_webhooks_are_refused(server: RunningServer, path: str) -> None:
    response = await server.post(path, CALL, signed=False)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "unsigned")


@pytest.mark.parametrize("form", [{"From": "+1"}, {"CallSid": "CA" + "1" * 99}, {"CallSid": "CA1\nforged"}])
async def test_a_webhook_without_a_proper_call_sid_is_refused(
    server: RunningServer, form: dict[str, str]
) -> None:
    response = await server.post("/voice/incoming", form)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_call_sid")


async def test_a_web_page_cannot_open_a_stream(open_server: RunningServer) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(open_server.websocket_url, origin=Origin("https://evil.example.com"))
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Host": "abc.ngrok.app"}, {"X-Forwarded-For": "127.0.0.1"}, {"Origin": "https://evil.example.com"}],
    ids=["a tunnel's name", "a proxy", "a web page"],
)
async def test_where_nothing_is_signed_only_this_machine_is_served(
    open_server: RunningServer, headers: dict[str, str]
) -> None:
    async with httpx2.AsyncClient(base_url=open_server.url, trust_env=False) as client:
        assert (await client.post("/voice/incoming", data=CALL, headers=headers)).status_code == 403
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        upgrade["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
        assert (await client.get("/ws/media-stream", headers=upgrade | headers)).status_code == 403


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nowhere", 404, "not_found"),
        ("/voice/incoming", 405, "method_not_allowed"),
        ("/api/calls/%00", 404, "unknown_call"),
        ("/api/calls?user_id=%00", 400, "invalid_user_id"),
        ("/api/calls?limit=0", 400, "invalid_limit"),
        ("/api/calls?before=soon", 400, "invalid_before"),
    ],
)
async def test_errors_are_json_with_a_code(server: RunningServer, path: str, status: int, code: str) -> None:
    response = await server.get(path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_an_unsigned_upgrade_is_refused_before_accept(server: RunningServer) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await connect(server.websocket_url)
    assert caught.value.response.status_code == 403


async def test_a_signed_upgrade_without_a_token_is_closed(server: RunningServer) -> None:
    signature = RequestValidator(server.auth_token).compute_signature(server.websocket_url, {})
    async with connect(server.websocket_url, additional_headers={"X-Twilio-Signature": signature}) as socket:
        await socket.send('{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1"}}')
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1008
    assert "token" in caught.value.rcvd.reason


async def test_next_hangs_up_an_unknown_call_and_one_that_is_over(server: RunningServer) -> None:
    twiml = await answer(server, "/voice/next", CALL | {"CallSid": "CAnobody", "CallStatus": "in-progress"})
    assert [verb.tag for verb in twiml] == ["Hangup"]
    twiml = await answer(server, "/voice/next", CALL | {"CallStatus": "completed"})
    assert [verb.tag for verb in twiml] == ["Hangup"]


async def test_the_status_of_a_call_that_never_connected_is_kept(server: RunningServer) -> None:
    form = CALL | {"CallSid": "CAnever"}
    await answer(server, "/voice/incoming", form)
    await server.call("CAnever")
    assert (await server.post("/voice/status", form | {"CallStatus": "canceled"})).status_code == 204
    stored = await server.call("CAnever", over)
    assert (stored["status"], stored["end_reason"]) == ("canceled", "never_connected")


async def test_a_call_is_erased_when_it_is_over_and_not_before(server: RunningServer) -> None:
    path = "/api/calls/CAerased"
    assert (await server.delete(path)).json()["error"]["code"] == "unknown_call"
    await server.post("/voice/incoming", CALL | {"CallSid": "CAerased"})
    await server.call("CAerased")
    refused = await server.delete(path)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "call_active")
    await server.post("/voice/status", CALL | {"CallSid": "CAerased", "CallStatus": "completed"})
    await server.call("CAerased", over)
    assert (await server.delete(path, token="guess")).status_code == 401
    assert (await server.delete(path)).status_code == 204
    assert (await server.get(path)).status_code == 404
    # Twilio repeats what it was not sure of. The call stays erased.
    await server.post("/voice/incoming", CALL | {"CallSid": "CAerased"})
    assert (await server.delete(path)).status_code == 404


async def test_a_users_data_are_erased_at_once(server: RunningServer) -> None:
    assert (await server.delete("/api/users/nobody/data")).json() == {"calls_erased": 0}
    assert (await server.delete("/api/users/a%20b/data")).json()["error"]["code"] == "unknown_user"
    assert (await server.delete("/api/users/nobody/data", token="guess")).status_code == 401
