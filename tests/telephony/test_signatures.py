from __future__ import annotations

import pytest
from starlette.datastructures import FormData, Headers
from twilio.request_validator import RequestValidator

from app.settings import Settings, load_settings
from app.telephony.signatures import Signatures

PUBLIC = "https://calls.example.com"
FORM = FormData([("CallSid", "CA1"), ("From", "+15550001"), ("Digits", "1"), ("Digits", "2")])


def settings(token: str = "secret") -> Settings:
    return load_settings(webhook_url=PUBLIC, twilio_auth_token=token)


def signed(url: str, form: object = FORM, token: str = "secret") -> Headers:
    return Headers({"X-Twilio-Signature": RequestValidator(token).compute_signature(url, form)})


def test_a_signed_webhook_passes() -> None:
    headers = signed(f"{PUBLIC}/voice/incoming")
    assert Signatures(settings()).webhook("/voice/incoming", "", FORM, headers)


def test_the_query_string_is_signed_too() -> None:
    headers = signed(f"{PUBLIC}/voice/incoming?a=b")
    assert Signatures(settings()).webhook("/voice/incoming", "a=b", FORM, headers)
    assert not Signatures(settings()).webhook("/voice/incoming", "a=c", FORM, headers)


@pytest.mark.parametrize(
    "headers",
    [
        Headers({}),
        Headers({"X-Twilio-Signature": "forged"}),
        signed(f"{PUBLIC}/voice/incoming", token="other"),
    ],
)
def test_an_unsigned_or_forged_webhook_is_refused(headers: Headers) -> None:
    assert not Signatures(settings()).webhook("/voice/incoming", "", FORM, headers)


def test_a_changed_parameter_breaks_the_signature() -> None:
    headers = signed(f"{PUBLIC}/voice/incoming")
    changed = FormData([("CallSid", "CA2"), ("From", "+15550001")])
    assert not Signatures(settings()).webhook("/voice/incoming", "", changed, headers)


def test_both_tokens_are_good_during_a_rotation() -> None:
    signatures = Signatures(settings("new,old"))
    for token in ("new", "old"):
        headers = signed(f"{PUBLIC}/voice/status", token=token)
        assert signatures.webhook("/voice/status", "", FORM, headers)


@pytest.mark.parametrize(
    "url",
    [
        "wss://calls.example.com/ws/media-stream",
        "wss://calls.example.com/ws/media-stream/",
        "wss://calls.example.com:443/ws/media-stream",
    ],
)
def test_the_upgrade_is_checked_over_the_spellings_of_the_one_public_url(url: str) -> None:
    assert Signatures(settings()).websocket(signed(url, {}))


@pytest.mark.parametrize(
    "url", ["https://calls.example.com/ws/media-stream", "wss://evil.example.com/ws/media-stream"]
)
def test_an_upgrade_signed_for_another_url_is_refused(url: str) -> None:
    assert not Signatures(settings()).websocket(signed(url, {}))


def test_without_an_auth_token_everything_passes() -> None:
    assert Signatures(settings("")).webhook("/voice/incoming", "", FORM, Headers({}))


def test_a_refusal_logs_the_url_that_was_signed_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    Signatures(settings()).webhook("/voice/incoming", "", FORM, Headers({}))
    assert f"{PUBLIC}/voice/incoming" in caplog.text
    assert "secret" not in caplog.text
