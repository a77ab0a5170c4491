from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from app.settings import load_settings
from app.telephony import rest
from app.telephony.hanging_up import HangingUp
from app.telephony.rest import (
    MOST_WAITING,
    PLACEMENT_SECONDS,
    RefusedByTwilioError,
    TelephonyError,
    TooManyWaitingError,
    TwilioRest,
    UnreachableError,
)
from tests.providers.twilio_rest_server import (
    ACCOUNT,
    NUMBER,
    TOKEN,
    Answer,
    Refuse,
    Stall,
    TwilioRestServer,
    twilio_rest_server,
)

CALL = "CA" + "a" * 32


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioRestServer]:
    async with twilio_rest_server() as server:
        yield server


@pytest.fixture
async def client(twilio: TwilioRestServer) -> AsyncIterator[TwilioRest]:
    client = TwilioRest(twilio.settings(), request_seconds=0.2, retry_seconds=(0.01, 0.01))
    yield client
    await client.aclose()


@pytest.mark.parametrize("given", [{}, {"twilio_account_sid": ACCOUNT}, {"twilio_auth_token": "secret"}])
def test_without_an_account_there_is_no_client(given: dict[str, str]) -> None:
    assert rest.connect(load_settings(**given)) is None


async def test_a_call_is_placed_with_everything_that_twilio_must_know(
    twilio: TwilioRestServer, client: TwilioRest
) -> None:
    placed = await client.place("+15550123")
    assert placed.status == "queued"
    assert list(twilio.calls) == [placed.call_sid]
    ((path, form),) = twilio.requests
    assert path == f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
    base = "https://offhook.example.com/voice"
    assert sorted(form.multi_items()) == sorted(
        [
            ("To", "+15550123"),
            ("From", NUMBER),
            ("Url", f"{base}/incoming"),
            ("Method", "POST"),
            ("StatusCallback", f"{base}/status"),
            ("StatusCallbackMethod", "POST"),
            ("StatusCallbackEvent", "initiated"),
            ("StatusCallbackEvent", "ringing"),
            ("StatusCallbackEvent", "answered"),
            ("StatusCallbackEvent", "completed"),
            ("Timeout", "45"),
            ("MachineDetection", "DetectMessageEnd"),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", f"{base}/amd"),
            ("AsyncAmdStatusCallbackMethod", "POST"),
        ]
    )


async def test_a_refusal_has_twilios_code_and_words(client: TwilioRest) -> None:
    with pytest.raises(RefusedByTwilioError, match=r"\+1, is not valid .*21211") as caught:
        await client.place("+1")
    assert (caught.value.status, caught.value.code) == (400, 21211)


async def test_a_wrong_token_is_refused(twilio: TwilioRestServer) -> None:
    client = TwilioRest(twilio.settings().model_copy(update={"twilio_account_sid": "AC" + "2" * 32}))
    with pytest.raises(RefusedByTwilioError) as caught:
        await client.hang_up(CALL)
    assert caught.value.code == 20003
    await client.aclose()


async def test_the_other_token_is_taken_while_they_change(twilio: TwilioRestServer) -> None:
    settings = twilio.settings().model_copy(update={"twilio_auth_token": SecretStr(f"revoked,{TOKEN}")})
    client = TwilioRest(settings, retry_seconds=())
    assert (await client.place("+15550120")).status == "queued"
    await client.aclose()


async def test_a_placement_that_may_have_been_done_is_not_repeated(
    twilio: TwilioRestServer, client: TwilioRest
) -> None:
    twilio.will(Stall())
    with pytest.raises(UnreachableError):
        await client.place("+15550123")
    assert len(twilio.requests) == 1


async def test_a_placement_that_came_too_fast_is_repeated(
    twilio: TwilioRestServer, client: TwilioRest
) -> None:
    twilio.will(Refuse(429, 20429))
    await client.place("+15550123")
    assert len(twilio.calls) == 1


async def test_calls_are_placed_one_a_second(twilio: TwilioRestServer, client: TwilioRest) -> None:
    started = time.monotonic()
    await asyncio.gather(client.place("+15550123"), client.place("+15550124"))
    assert time.monotonic() - started >= PLACEMENT_SECONDS
    assert len(twilio.calls) == 2


async def test_no_more_than_a_minutes_worth_of_calls_waits(client: TwilioRest) -> None:
    waiting = [asyncio.create_task(client.place("+15550123")) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaitingError):
        await client.place("+15550123")
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)


@pytest.mark.parametrize("refusal", [Refuse(404, 20404), Refuse(400, 21220)])
async def test_a_call_that_is_over_is_hung_up(
    twilio: TwilioRestServer, client: TwilioRest, refusal: Refuse
) -> None:
    twilio.will(refusal)
    await client.hang_up(CALL)
    ((path, form),) = twilio.requests
    assert path == f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}.json"
    assert form.multi_items() == [("Status", "completed")]


@pytest.mark.parametrize("fault", [Refuse(500, 20500), Refuse(429, 20429), Stall()])
async def test_hanging_up_is_tried_again(
    twilio: TwilioRestServer, client: TwilioRest, fault: Refuse | Stall
) -> None:
    twilio.will(fault, fault)
    await client.hang_up(CALL)
    assert len(twilio.requests) == 3


async def test_hanging_up_is_given_up_in_the_end(twilio: TwilioRestServer, client: TwilioRest) -> None:
    twilio.will(*[Refuse(503, 20503, "Service unavailable")] * 9)
    with pytest.raises(RefusedByTwilioError, match="Service unavailable"):
        await client.hang_up(CALL)
    assert len(twilio.requests) == 3


async def test_a_server_that_is_not_there_is_named() -> None:
    async with twilio_rest_server() as gone:
        settings = gone.settings()
    client = TwilioRest(settings, retry_seconds=(0.01,))
    with pytest.raises(UnreachableError, match="cannot be reached"):
        await client.hang_up(CALL)
    await client.aclose()


PROBLEM = (
    '{"type": "https://www.twilio.com/docs/errors/20404", "title": "Not Found", "status": 404, "code": 20404}'
)


async def test_a_refusal_in_the_newer_form_is_one_as_well(
    twilio: TwilioRestServer, client: TwilioRest
) -> None:
    twilio.will(Answer(404, PROBLEM), Answer(404, PROBLEM))
    await client.hang_up(CALL)
    with pytest.raises(RefusedByTwilioError, match="Not Found"):
        await client.place("+15550120")


@pytest.mark.parametrize("status", [200, 502])
async def test_what_is_not_twilios_answer_is_named(
    twilio: TwilioRestServer, client: TwilioRest, status: int
) -> None:
    twilio.will(Answer(status, "<html>Sign in</html>"))
    with pytest.raises(TelephonyError):
        await client.place("+15550120")


@pytest.fixture
async def hanging_up(client: TwilioRest) -> AsyncIterator[HangingUp]:
    hanging_up = HangingUp(client, asks_within=0.05)
    task = asyncio.create_task(hanging_up.run())
    yield hanging_up
    task.cancel()
    await asyncio.wait([task])


async def until_requests(twilio: TwilioRestServer, count: int) -> None:
    async with asyncio.timeout(5):
        while len(twilio.requests) < count:
            await asyncio.sleep(0.01)


async def test_a_call_about_which_twilio_does_not_ask_is_ended(
    twilio: TwilioRestServer, hanging_up: HangingUp
) -> None:
    hanging_up.expect(CALL)
    await until_requests(twilio, 1)
    assert twilio.requests[0][0].endswith(f"/Calls/{CALL}.json")


async def test_a_call_about_which_twilio_has_asked_is_left_alone(
    twilio: TwilioRestServer, hanging_up: HangingUp
) -> None:
    hanging_up.expect(CALL)
    hanging_up.asked(CALL)
    other = "CA" + "b" * 32
    hanging_up.expect(other)
    await until_requests(twilio, 1)
    assert [path.rsplit("/", 1)[-1] for path, _ in twilio.requests] == [f"{other}.json"]


async def test_a_call_by_hand_is_none_of_twilios_business(
    twilio: TwilioRestServer, hanging_up: HangingUp
) -> None:
    hanging_up.expect("CA123")
    hanging_up.expect(CALL)
    await until_requests(twilio, 1)
    assert [path.rsplit("/", 1)[-1] for path, _ in twilio.requests] == [f"{CALL}.json"]


async def test_a_call_that_cannot_be_ended_does_not_keep_others_from_it(
    twilio: TwilioRestServer, hanging_up: HangingUp
) -> None:
    twilio.will(Refuse(400, 20001))
    hanging_up.expect(CALL)
    await until_requests(twilio, 1)
    hanging_up.expect(CALL)
    await until_requests(twilio, 2)


async def test_an_answer_that_is_not_twilios_does_not_keep_others_from_being_ended(
    twilio: TwilioRestServer, hanging_up: HangingUp
) -> None:
    twilio.will(*[Answer(200, "<html>Sign in</html>")] * 3)
    hanging_up.expect(CALL)
    await until_requests(twilio, 3)
    hanging_up.expect(CALL)
    await until_requests(twilio, 4)
