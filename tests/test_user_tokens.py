"""app.user_tokens with real keys, served by a real server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app import user_tokens
from app.errors import SettingError
from app.settings import load_settings
from app.user_tokens import KeysUnavailableError, UserTokenError, UserTokens

ISSUER = "https://project.supabase.co/auth/v1"
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SECRET = "a-shared-secret-of-more-than-32-bytes"


def ec_jwk(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    jwk: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return jwk | {"kid": kid, "use": "sig"}


RSA_JWK = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key())) | {
    "kid": "rsa",
    "alg": "RS256",
}


class KeyServer:
    """Serves a JWK set; counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: list[Any] = [ec_jwk(EC_KEY, "ec"), RSA_JWK]
        self.asked = 0
        self.status = "200 OK"
        self.url = ""
        self.hold = asyncio.Event()
        self.hold.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await self.hold.wait()
        body = json.dumps({"keys": self.keys}).encode()
        writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    server = KeyServer()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/jwks.json"
    yield server
    listening.close()


def users(server: KeyServer | None, **settings: object) -> UserTokens:
    url = server.url if server else ""
    return UserTokens(load_settings(supabase_jwks_url=url, supabase_jwt_issuer=ISSUER, **settings))


def token(key: Any = EC_KEY, algorithm: str = "ES256", kid: str | None = "ec", **claims: Any) -> str:
    """A good token, but for `claims`; a claim that is None is left out."""
    good = {"sub": "user1", "aud": "authenticated", "iss": ISSUER, "exp": time.time() + 60} | claims
    good = {name: value for name, value in good.items() if value is not None}
    return jwt.encode(good, key, algorithm, headers={"kid": kid} if kid else None)


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(EC_KEY, "ES256", "ec"), (RSA_KEY, "RS256", "rsa")])
async def test_a_token_signed_with_a_published_key_names_its_user(
    server: KeyServer, key: Any, algorithm: str, kid: str
) -> None:
    assert await users(server).user_of(token(key, algorithm, kid)) == "user1"


async def test_the_shared_secret_signs_only_where_it_is_set(server: KeyServer) -> None:
    signed = token(SECRET, "HS256", kid=None)
    assert await users(None, supabase_jwt_secret=SECRET).user_of(signed) == "user1"
    assert await users(server, supabase_jwt_secret=SECRET).user_of(signed) == "user1"
    with pytest.raises(UserTokenError):
        await users(server).user_of(signed)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_000_000_000},  # in 2001
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "two words"},
        {"sub": "x" * 200},
        {"aud": None},
        {"aud": "anon"},
        {"aud": ["service_role"]},
        {"iss": None},
        {"iss": "https://evil.supabase.co/auth/v1"},
        {"nbf": 4_000_000_000},  # in 2096
    ],
    ids=str,
)
async def test_a_claim_that_is_missing_or_wrong_lets_nobody_in(
    server: KeyServer, claims: dict[str, Any]
) -> None:
    with pytest.raises(UserTokenError):
        await users(server).user_of(token(**claims))


def unsigned(algorithm: str, kid: str = "ec") -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"sub": "user1", "aud": "authenticated", "iss": ISSUER, "exp": time.time() + 60}
    return f"{part({'alg': algorithm, 'kid': kid})}.{part(claims)}."


def public_pem() -> str:
    return EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signed_with_the_public_key() -> str:
    """The classic: a public key taken for an HMAC secret. PyJWT would not even make one."""
    head, claims, _ = unsigned("HS256").split(".")
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = mac.sign(f"{head}.{claims}".encode(), public_pem().encode())
    return f"{head}.{claims}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "a.b.c",
        "é.é.é",
        "\ud800",
        "x" * 10_000,
        unsigned("none"),
        unsigned("ES256"),
        unsigned("ES256", "rsa"),
        signed_with_the_public_key(),
        token(OTHER_EC_KEY),
        token(EC_KEY, kid="rsa"),
        token(EC_KEY, kid="nobody's"),
        token(EC_KEY, kid=None),
        token(RSA_KEY, "RS512", "rsa"),
        token(SECRET, "HS256", "ec"),
    ],
    ids=range(16),
)
async def test_a_forged_token_lets_nobody_in(server: KeyServer, forged: str) -> None:
    for checked in (users(server), users(server, supabase_jwt_secret=SECRET + "!")):
        with pytest.raises(UserTokenError):
            await checked.user_of(forged)


async def test_keys_are_fetched_once_for_any_number_of_tokens(server: KeyServer) -> None:
    checked = users(server)
    await asyncio.gather(*(checked.user_of(token()) for _ in range(50)))
    assert server.asked == 1


async def test_unknown_key_ids_cause_one_fetch_in_a_while(server: KeyServer) -> None:
    checked = users(server)
    for number in range(50):
        with pytest.raises(UserTokenError):
            await checked.user_of(token(kid=f"made up {number}"))
    assert server.asked == 1


async def test_a_new_key_is_found_after_the_cool_down(
    server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = users(server)
    await checked.user_of(token())
    server.keys.append(ec_jwk(OTHER_EC_KEY, "new"))
    with pytest.raises(UserTokenError):
        await checked.user_of(token(OTHER_EC_KEY, kid="new"))
    monkeypatch.setattr(user_tokens, "COOL_DOWN_SECONDS", 0)
    assert await checked.user_of(token(OTHER_EC_KEY, kid="new")) == "user1"


async def test_old_keys_serve_while_new_ones_are_fetched(
    server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = users(server)
    await checked.user_of(token())
    monkeypatch.setattr(user_tokens, "FRESH_SECONDS", 0)
    monkeypatch.setattr(user_tokens, "COOL_DOWN_SECONDS", 0)
    server.hold.clear()
    async with asyncio.timeout(2):
        assert await checked.user_of(token()) == "user1"
    server.hold.set()


@pytest.mark.parametrize("status", ["500 Oh", "404 No", "302 Found"])
async def test_without_keys_nobody_gets_in_and_it_is_not_the_tokens_fault(
    server: KeyServer, status: str
) -> None:
    server.status = status
    checked = users(server)
    for _ in range(2):
        with pytest.raises(KeysUnavailableError):
            await checked.user_of(token())
    assert server.asked == 1


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "kid": "ec", "k": base64.urlsafe_b64encode(SECRET.encode()).decode()},
        ec_jwk(EC_KEY, "ec") | {"use": "enc"},
        ec_jwk(EC_KEY, "ec") | {"alg": "ES512"},
        ec_jwk(EC_KEY, "ec") | {"crv": "secp256k1"},
        ec_jwk(EC_KEY, "ec") | {"x": "rubbish"},
        {"kid": "ec"},
    ],
    ids=range(6),
)
async def test_a_key_of_another_kind_is_left_out(server: KeyServer, key: Any) -> None:
    server.keys = [key, RSA_JWK]
    checked = users(server)
    with pytest.raises((UserTokenError, KeysUnavailableError)):
        await checked.user_of(token())
    with pytest.raises(UserTokenError):
        await checked.user_of(token(SECRET, "HS256", "ec"))


def test_the_issuer_follows_from_supabases_own_address() -> None:
    url = f"{ISSUER}/.well-known/jwks.json"
    assert UserTokens(load_settings(supabase_jwks_url=url)).configured
    assert not UserTokens(load_settings()).configured


@pytest.mark.parametrize(
    "settings", [{"supabase_jwks_url": "https://x.example/keys"}, {"supabase_jwt_secret": SECRET}]
)
def test_tokens_of_any_issuer_are_not_accepted(settings: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="SUPABASE_JWT_ISSUER"):
        UserTokens(load_settings(**settings))


@pytest.mark.parametrize("url", ["http://project.supabase.co/keys", "ftp://x", "keys.json"])
def test_keys_come_over_tls(url: str) -> None:
    with pytest.raises(SettingError, match="SUPABASE_JWKS_URL"):
        load_settings(supabase_jwks_url=url)
