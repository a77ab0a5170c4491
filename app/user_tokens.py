"""Who a signed-in user is: Supabase's JWTs, checked against its published keys or its shared secret.

The key decides on the algorithm, never the token: EC P-256 is ES256, RSA is RS256, and HS256 is the shared
secret's alone, so that no public key can pass for a secret.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt
import msgspec
from jwt import PyJWK

from app.errors import SettingError
from app.identifiers import is_user_id
from app.settings import Settings

log = logging.getLogger(__name__)

AUDIENCE = "authenticated"
"""What Supabase writes into the tokens of users who have signed in."""

WELL_KNOWN = "/.well-known/jwks.json"

FRESH_SECONDS = 600.0
"""How long keys are used before they are fetched again. Supabase's own cache keeps them as long."""

STALE_SECONDS = 3600.0
"""How long they are used where they cannot be fetched again."""

COOL_DOWN_SECONDS = 30.0
"""Between two fetches, whatever key ids are asked for: anybody may write one into a token."""

FETCH_SECONDS = 5.0
MAX_DOCUMENT_BYTES = 64 * 1024
MAX_TOKEN_CHARACTERS = 8 * 1024
LEEWAY_SECONDS = 10


class UserTokenError(Exception):
    """A token that lets nobody in; the message says why."""


class KeysUnavailableError(Exception):
    """The token may be good, but the keys to tell cannot be had."""


class _KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Keys:
    by_id: dict[str, PyJWK]
    fetched_at: float


class UserTokens:
    """Checks users' tokens. Never waits for the network while it has keys that will do."""

    def __init__(self, settings: Settings) -> None:
        """Raises:
        SettingError: the issuer is not known.
        """
        self._url = settings.supabase_jwks_url
        self._secret = settings.supabase_jwt_secret.get_secret_value().encode()
        self._issuer = settings.supabase_jwt_issuer
        if not self._issuer and self._url.endswith(WELL_KNOWN):
            self._issuer = self._url.removesuffix(WELL_KNOWN)
        if self.configured and not self._issuer:
            raise SettingError(
                "SUPABASE_JWT_ISSUER",
                "it is empty, and tokens of any issuer would be accepted.",
                "Set it to the tokens' iss, such as https://PROJECT.supabase.co/auth/v1.",
            )
        self._keys: _Keys | None = None
        self._tried_at = -COOL_DOWN_SECONDS
        self._fetching: asyncio.Task[None] | None = None

    @property
    def configured(self) -> bool:
        """Whether users can be told from strangers at all."""
        return bool(self._url or self._secret)

    async def user_of(self, token: str) -> str:
        """The user id (`sub`) of a token.

        Raises:
            UserTokenError: it is forged, expired, for somebody else, or no token.
            KeysUnavailableError: the keys cannot be fetched.
        """
        if not self.configured or len(token) > MAX_TOKEN_CHARACTERS:
            raise UserTokenError("It is no token for this server.")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError):
            raise UserTokenError("It is no token for this server.") from None
        if self._secret and header.get("alg") == "HS256":
            return self._claimed(token, self._secret, "HS256")
        key = await self._key(header.get("kid")) if self._url else None
        if key is None:
            raise UserTokenError("The token is signed with an unknown key.")
        return self._claimed(token, key, key.algorithm_name)

    def _claimed(self, token: str, key: PyJWK | bytes, algorithm: str) -> str:
        try:
            claims = jwt.decode(
                token,
                key,
                [algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "sub", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            raise UserTokenError("The token has expired. Sign in again.") from None
        except (jwt.PyJWTError, ValueError) as error:
            raise UserTokenError(f"The token is not accepted: {error}.") from None
        user = claims["sub"]
        if not isinstance(user, str) or not is_user_id(user):
            raise UserTokenError("The token names no user.")
        return user

    async def _key(self, key_id: object) -> PyJWK | None:
        """The key of that id; None if there is none.

        Raises:
            KeysUnavailableError: nobody knows.
        """
        if not isinstance(key_id, str):
            return None
        keys = self._keys
        age = time.monotonic() - keys.fetched_at if keys else STALE_SECONDS
        known = keys.by_id.get(key_id) if keys and age < STALE_SECONDS else None
        if age >= FRESH_SECONDS or known is None:
            fetching = self._fetch_soon()
            if known is None and fetching:
                # A caller who goes away must not take the others' keys along.
                await asyncio.shield(fetching)
                known = self._keys.by_id.get(key_id) if self._keys else None
        if known is None and (
            self._keys is None or time.monotonic() - self._keys.fetched_at >= STALE_SECONDS
        ):
            raise KeysUnavailableError
        return known

    def _fetch_soon(self) -> asyncio.Task[None] | None:
        """The fetch that is going on, or a new one; None if the last was just now."""
        if self._fetching is None or self._fetching.done():
            if time.monotonic() - self._tried_at < COOL_DOWN_SECONDS:
                return None
            self._tried_at = time.monotonic()
            self._fetching = asyncio.create_task(self._fetch(), name="users' keys")
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                document = await _download(self._url)
            self._keys = _Keys(_usable(document), time.monotonic())
        except (httpx2.HTTPError, TimeoutError, msgspec.DecodeError, ValueError) as error:
            log.warning("the users' keys could not be fetched (%s: %s)", type(error).__name__, error)


async def _download(url: str) -> bytes:
    document = b""
    async with (
        httpx2.AsyncClient(timeout=FETCH_SECONDS, follow_redirects=False) as client,
        client.stream("GET", url) as response,
    ):
        response.raise_for_status()
        async for part in response.aiter_bytes():
            document += part
            if len(document) > MAX_DOCUMENT_BYTES:
                raise ValueError("the document is too large")
    return document


def _usable(document: bytes) -> dict[str, PyJWK]:
    """The signing keys of a JWK set (RFC 7517) by their ids, each with the one algorithm of its type."""
    found = {}
    for entry in msgspec.json.decode(document, type=_KeySet).keys:
        algorithm = _algorithm(entry)
        if algorithm is None:
            continue
        try:
            found[entry["kid"]] = PyJWK(entry, algorithm)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            log.warning("a key of the users' keys cannot be used (%s)", error)
    return found


def _algorithm(entry: dict[str, Any]) -> str | None:
    """ES256 or RS256; None for anything that is not for signatures of users' tokens."""
    if not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
        return None
    algorithm = {"EC": "ES256", "RSA": "RS256"}.get(str(entry.get("kty")))
    if algorithm == "ES256" and entry.get("crv") != "P-256":
        return None
    return algorithm if entry.get("alg", algorithm) == algorithm else None
