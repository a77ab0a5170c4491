from __future__ import annotations

import pytest
from starlette.datastructures import FormData, Headers
from twilio.request_validator import HMAC_SHA256, RequestValidator

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


BODY = '{"CallSid":"CA1"}'
HASHED = f"bodySHA256={RequestValidator('').compute_hash(BODY)}"


def signed_json(query: str = HASHED) -> Headers:
    return signed(f"{PUBLIC}/voice/status?{query}", {})


def test_a_json_body_is_signed_by_its_hash_in_the_url() -> None:
    assert Signatures(settings()).webhook("/voice/status", HASHED, BODY, signed_json())


def test_a_changed_json_body_breaks_the_signature() -> None:
    changed = BODY.replace("CA1", "CA2")
    assert not Signatures(settings()).webhook("/voice/status", HASHED, changed, signed_json())


@pytest.mark.parametrize("query", ["", "a=b", "bodySHA256=", "bodySHA256"])
def test_a_json_body_without_its_hash_is_refused_although_the_url_is_signed(query: str) -> None:
    headers = signed(PUBLIC + "/voice/status" + (f"?{query}" if query else ""), {})
    assert not Signatures(settings()).webhook("/voice/status", query, BODY, headers)


def signed_with_shared_key(secret: str, algorithm: str = "HMAC_SHA256") -> Headers:
    signature = RequestValidator(secret).compute_signature(f"{PUBLIC}/voice/status", FORM, HMAC_SHA256)
    return Headers(
        {
            "X-Twilio-Signature": signature,
            "X-Twilio-Webhooks-Signature-Settings": f"key=webhooks_sharedkey_1,algorithm={algorithm}",
        }
    )


def test_a_shared_key_signs_with_sha256() -> None:
    signatures = Signatures(load_settings(webhook_url=PUBLIC, twilio_shared_keys="new,old"))
    assert signatures.required
    for secret in ("new", "old"):
        assert signatures.webhook("/voice/status", "", FORM, signed_with_shared_key(secret))
    assert not signatures.webhook("/voice/status", "", FORM, signed_with_shared_key("other"))


def test_an_auth_token_may_sign_with_sha256_too() -> None:
    assert Signatures(settings()).webhook("/voice/status", "", FORM, signed_with_shared_key("secret"))


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_MD5", "none", ""])
def test_the_algorithm_that_is_named_has_to_be_the_one_that_was_used(algorithm: str) -> None:
    headers = signed_with_shared_key("secret", algorithm)
    assert not Signatures(settings()).webhook("/voice/status", "", FORM, headers)


def test_a_flood_of_forgeries_leaves_few_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    signatures = Signatures(settings())
    for number in range(1000):
        signatures.webhook(f"/voice/incoming/{number}", "", FORM, Headers({}))
    assert len(caplog.records) < 50
