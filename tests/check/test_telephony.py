"""What `offhook check` says of addresses, accounts and numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from app.check.address import is_public
from app.check.finding import Finding, Level
from app.check.telephony import check_telephony
from app.settings import load_settings
from tests.check.reading import levels, said
from tests.check.twilio_account import SID, TOKEN, TwilioAccount, twilio_account
from tests.providers.openai_server import serving

NUMBER = "+15550123"
HOOK = "http://127.0.0.1:1"


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioAccount]:
    async with twilio_account() as account:
        account.voice_urls[NUMBER] = f"{HOOK}/voice/incoming"
        yield account


async def found(twilio: TwilioAccount, **settings: object) -> list[Finding]:
    chosen: dict[str, object] = {
        "webhook_url": HOOK,
        "twilio_api_url": twilio.url,
        "twilio_account_sid": SID,
        "twilio_auth_token": TOKEN,
        "twilio_phone_number": NUMBER,
    }
    return await check_telephony(load_settings(**(chosen | settings)))


async def problem(twilio: TwilioAccount, **settings: object) -> Finding:
    """The only thing that is not as it should be."""
    (finding,) = [each for each in await found(twilio, **settings) if each.level is not Level.OK]
    return finding


async def test_an_account_whose_number_leads_here_is_as_it_should_be(twilio: TwilioAccount) -> None:
    findings = await found(twilio)
    assert levels(findings) == "✓✓✓✓"
    assert f"calls to {NUMBER} come here" in said(findings)


async def test_a_laptop_without_any_account_is_as_it_should_be_and_told_how_to_go_on() -> None:
    findings = await check_telephony(load_settings(webhook_url=HOOK))
    assert levels(findings) == "✓✓"
    assert "Twilio cannot reach it" in said(findings)
    assert "ngrok" in said(findings)


async def test_a_server_that_runs_is_told() -> None:
    async def healthz(_request: object) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async with serving(Starlette(routes=[Route("/healthz", healthz)])) as address:
        findings = await check_telephony(load_settings(webhook_url=f"http://{address}"))
    assert "A server runs there now" in said(findings)
    assert "No server runs there now" in said(await check_telephony(load_settings(webhook_url=HOOK)))


async def test_twilio_cannot_reach_a_loopback_address() -> None:
    findings = await check_telephony(load_settings(webhook_url=HOOK, twilio_phone_number=NUMBER))
    assert findings[0].level is Level.FAILED
    assert "ngrok" in findings[0].advice


async def test_a_name_that_does_not_exist_is_no_address() -> None:
    (finding, *_) = await check_telephony(load_settings(webhook_url="https://name.invalid"))
    assert finding.level is not Level.OK
    assert "https://name.invalid" in finding.text


@pytest.mark.parametrize(
    ("url", "setting"), [("http://example.com", "WEBHOOK_URL"), ("ws://example.com", "WEBSOCKET_URL")]
)
async def test_streams_have_to_be_encrypted(url: str, setting: str) -> None:
    findings = await check_telephony(load_settings(**({"webhook_url": HOOK} | {setting.lower(): url})))
    assert setting in {finding.subject for finding in findings if finding.level is Level.FAILED}


@pytest.mark.parametrize(
    ("settings", "subject", "level"),
    [
        ({"twilio_account_sid": "AC123"}, "TWILIO_ACCOUNT_SID", "✗"),
        ({"twilio_account_sid": SID[:-1] + "0"}, "Twilio account", "✗"),
        ({"twilio_auth_token": "0" * 32}, "Twilio account", "✗"),
        ({"twilio_auth_token": f"{TOKEN},{'0' * 32}"}, "Twilio account (token 2 of 2)", "!"),
        ({"twilio_account_sid": ""}, "TWILIO_ACCOUNT_SID", "!"),
        ({"twilio_phone_number": "0555 123"}, "TWILIO_PHONE_NUMBER", "✗"),
        ({"twilio_phone_number": "+15550999"}, "TWILIO_PHONE_NUMBER", "✗"),
        ({"transfer_number": "the office"}, "TRANSFER_NUMBER", "✗"),
        ({"twilio_api_url": "http://127.0.0.1:1"}, "Twilio account", "!"),
    ],
)
async def test_each_wrong_setting_is_named(
    twilio: TwilioAccount, settings: dict[str, object], subject: str, level: str
) -> None:
    finding = await problem(twilio, **settings)
    assert (finding.subject, finding.level.value) == (subject, level)
    assert finding.advice
    assert TOKEN not in said([finding])


async def test_an_account_that_is_suspended_takes_no_calls(twilio: TwilioAccount) -> None:
    twilio.status = "suspended"
    assert "suspended" in (await problem(twilio)).text


async def test_a_number_whose_calls_go_elsewhere_is_told_with_what_to_enter(twilio: TwilioAccount) -> None:
    twilio.voice_urls[NUMBER] = "https://someone:secret@example.com/hook"
    finding = await problem(twilio)
    assert "https://example.com/hook" in finding.text
    assert "secret" not in finding.text
    assert f"{HOOK}/voice/incoming" in finding.advice


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://name.ngrok-free.app", True),
        ("https://8.8.8.8", True),
        ("http://127.0.0.1:3000", False),
        ("http://[::1]:3000", False),
        ("http://192.168.1.4", False),
        ("http://localhost:3000", False),
        ("http://box.local", False),
    ],
)
def test_an_address_tells_whether_twilio_could_reach_it(url: str, public: bool) -> None:
    assert is_public(url) is public
