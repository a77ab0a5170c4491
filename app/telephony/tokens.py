"""The token that opens one stream: made by the webhook, carried by the TwiML, spent at `start`."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt

from app.operator_token import operator_token
from app.settings import Settings

LIFETIME_SECONDS = 120
"""From the webhook's answer to `start`: Twilio connects at once."""


class StreamTokenError(Exception):
    """A token that opens nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class StreamToken:
    """What a genuine token says. Whether it has been used is not written in it: see `spending`."""

    serial: str
    expires: float
    """Seconds since 1970."""
    user_id: str | None
    made_here: bool
    """By this very object, not by another process or an earlier life of this one."""


class StreamTokens:
    """Makes and reads tokens. Processes that share their secrets share their tokens."""

    def __init__(self, settings: Settings) -> None:
        known = settings.auth_tokens or (operator_token(settings),)
        # Derived, so that a token tells nothing of the auth token; both are good during a rotation.
        self._keys = [
            hashlib.sha256(b"offhook stream token\0" + secret.encode()).digest() for secret in known
        ]
        self._maker = secrets.token_urlsafe(6)

    def issue(self, call_sid: str, user_id: str | None = None) -> str:
        """A token for one stream of this call; about 280 characters (a Parameter holds 400)."""
        claims = {
            "sub": call_sid,
            "exp": time.time() + LIFETIME_SECONDS,
            "jti": f"{self._maker}.{secrets.token_urlsafe(12)}",
        }
        if user_id:
            claims["usr"] = user_id
        return jwt.encode(claims, self._keys[0], "HS256")

    def read(self, token: str, call_sid: str) -> StreamToken:
        """What a token for this call says.

        Raises:
            StreamTokenError: it is forged, expired or for another call.
        """
        claims = self._verified(token)
        if claims["sub"] != call_sid:
            raise StreamTokenError("the token was made for another call")
        serial, user = str(claims["jti"]), claims.get("usr")
        return StreamToken(
            serial,
            float(claims["exp"]),
            user if isinstance(user, str) else None,
            made_here=serial.partition(".")[0] == self._maker,
        )

    def _verified(self, token: str) -> dict[str, Any]:
        problem = "the token is not one of ours"
        for key in self._keys:
            try:
                return jwt.decode(token, key, ["HS256"], options={"require": ["sub", "exp", "jti"]})
            except jwt.ExpiredSignatureError:
                problem = "the token has expired"
            except (jwt.InvalidTokenError, ValueError):  # ValueError: no text that could be one
                continue
        raise StreamTokenError(problem)


def issue_stream_token(settings: Settings, call_sid: str) -> str:
    """A token for a hand-made start message (`offhook sign`)."""
    return StreamTokens(settings).issue(call_sid)
