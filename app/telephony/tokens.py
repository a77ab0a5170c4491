"""The token that opens one stream: made by the webhook, carried by the TwiML, spent at `start`."""

from __future__ import annotations

import hashlib
import secrets
import time

import jwt

from app.operator_token import operator_token
from app.settings import Settings

LIFETIME_SECONDS = 120
"""From the webhook's answer to `start`: Twilio connects at once."""


class StreamTokenError(Exception):
    """A token that opens nothing; the message says why."""


class StreamTokens:
    """Makes and spends tokens. Processes that share their secrets share their tokens."""

    def __init__(self, settings: Settings) -> None:
        known = settings.auth_tokens or (operator_token(settings),)
        # Derived, so that a token tells nothing of the auth token; both are good during a rotation.
        self._keys = [
            hashlib.sha256(b"offhook stream token\0" + secret.encode()).digest() for secret in known
        ]
        self._spent: dict[str, float] = {}

    def issue(self, call_sid: str, user_id: str | None = None) -> str:
        """A token for one stream of this call; about 250 characters (a Parameter holds 400)."""
        claims = {"sub": call_sid, "exp": time.time() + LIFETIME_SECONDS, "jti": secrets.token_urlsafe(12)}
        if user_id:
            claims["usr"] = user_id
        return jwt.encode(claims, self._keys[0], "HS256")

    def spend(self, token: str, call_sid: str) -> str | None:
        """Use a token up. Returns the user it was made for.

        Raises:
            StreamTokenError: it is forged, expired, for another call, or spent.
        """
        claims = self._read(token)
        if claims["sub"] != call_sid:
            raise StreamTokenError("the token was made for another call")
        now = time.time()
        self._spent = {jti: expires for jti, expires in self._spent.items() if expires > now}
        if claims["jti"] in self._spent:
            raise StreamTokenError("the token has been used")
        self._spent[claims["jti"]] = float(claims["exp"])
        user = claims.get("usr")
        return user if isinstance(user, str) else None

    def _read(self, token: str) -> dict[str, str]:
        problem = "the token is not one of ours"
        for key in self._keys:
            try:
                return jwt.decode(token, key, ["HS256"], options={"require": ["sub", "exp", "jti"]})
            except jwt.ExpiredSignatureError:
                problem = "the token has expired"
            except jwt.InvalidTokenError:
                continue
        raise StreamTokenError(problem)


def issue_stream_token(settings: Settings, call_sid: str) -> str:
    """A token for a hand-made start message (`offhook sign`)."""
    return StreamTokens(settings).issue(call_sid)
