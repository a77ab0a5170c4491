from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from app.settings import Settings, load_settings
from app.telephony import tokens
from app.telephony.tokens import StreamTokenError, StreamTokens


def made(auth_token: str = "secret") -> StreamTokens:
    return StreamTokens(load_settings(twilio_auth_token=auth_token))


def test_a_token_opens_its_call_and_names_its_user() -> None:
    stream = made()
    assert stream.read(stream.issue("CA1", "user1"), "CA1").user_id == "user1"
    assert stream.read(stream.issue("CA1"), "CA1").user_id is None


def test_a_token_knows_who_made_it() -> None:
    stream = made()
    token = stream.issue("CA1")
    assert stream.read(token, "CA1").made_here
    assert not made().read(token, "CA1").made_here
    assert stream.read(token, "CA1").serial != stream.read(stream.issue("CA1"), "CA1").serial


def test_a_token_for_another_call_opens_nothing() -> None:
    stream = made()
    with pytest.raises(StreamTokenError, match="another call"):
        stream.read(stream.issue("CA1"), "CA2")


def test_an_expired_token_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "LIFETIME_SECONDS", -1)
    stream = made()
    with pytest.raises(StreamTokenError, match="expired"):
        stream.read(stream.issue("CA1"), "CA1")


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b.c", "\ud800", "é.é.é", "x" * 60_000, jwt.encode({"sub": "CA1"}, "k" * 32, "HS256")],
)
def test_a_forged_token_opens_nothing(token: str) -> None:
    with pytest.raises(StreamTokenError, match="not one of ours"):
        made().read(token, "CA1")


def test_an_unsigned_token_opens_nothing() -> None:
    claims = {"sub": "CA1", "exp": 4102444800, "jti": "x"}
    with pytest.raises(StreamTokenError):
        made().read(jwt.encode(claims, "", "none"), "CA1")


def test_processes_with_the_same_secret_share_tokens() -> None:
    assert made().read(made().issue("CA1", "user1"), "CA1").user_id == "user1"


def test_tokens_of_the_old_secret_are_good_during_a_rotation() -> None:
    assert made("new,old").read(made("old").issue("CA1"), "CA1").user_id is None


def test_without_an_auth_token_the_operators_token_is_the_secret(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    assert StreamTokens(settings).read(StreamTokens(settings).issue("CA1"), "CA1").user_id is None


def test_a_token_fits_into_a_parameter() -> None:
    token = made().issue("CA" + "0" * 32, "u" * 36)
    assert len("token") + len(token) < 400
