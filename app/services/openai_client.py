"""The one way to OpenAI, or to a server that speaks its protocol, and what its errors mean to a person."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import cache
from typing import Literal

import httpx2
import openai

from app.settings import Settings

CONNECT_SECONDS = 5.0
"""The client library's own default."""
KEEP_ALIVE_SECONDS = 120.0
"""A caller speaks every few seconds to a minute: a connection kept saves each reply the TLS handshake.
httpx2's default is 5 s."""
MOST_CONNECTIONS = 1000
"""As many as MAX_CALLS allows calls by default; a reply holds one while it streams."""
NO_KEY = "none"
"""The client library insists on a key; a compatible server on one's own machine has none."""

FaultKind = Literal[
    "unauthorized", "not_found", "quota", "rate_limit", "refused", "server", "timeout", "connection", "broken"
]


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong: `kind` for the metrics, `words` for the operator (what, and what to do)."""

    kind: FaultKind
    words: str


class BrokenAnswerError(Exception):
    """The server answered with what is no answer. The message says in what way."""


def openai_client(settings: Settings, *, seconds: float, max_retries: int = 0) -> openai.AsyncOpenAI:
    """A client that waits at most `seconds` for each piece of an answer. Close it when it is done with.

    It does not try again by itself unless told to: on a call the next model does better.
    """
    timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
    limits = httpx2.Limits(
        max_connections=MOST_CONNECTIONS, max_keepalive_connections=100, keepalive_expiry=KEEP_ALIVE_SECONDS
    )
    return openai.AsyncOpenAI(
        api_key=settings.openai_api_key.get_secret_value() or NO_KEY,
        base_url=settings.openai_base_url or None,
        max_retries=max_retries,
        timeout=timeout,
        http_client=openai.DefaultAsyncHttpxClient(verify=_tls(), timeout=timeout, limits=limits),
    )


@cache
def _tls() -> ssl.SSLContext:
    """The certificates are read once: 20 ms that each client would cost the event loop."""
    return httpx2.create_ssl_context()


def fault_of(error: Exception, model: str) -> Fault:
    """What an error of the client library, or of what reads its answers, means."""
    match error:
        case openai.APITimeoutError():
            return Fault("timeout", f"{model} did not answer in time.")
        case openai.APIConnectionError(__cause__=httpx2.ConnectError() as why):
            return Fault("connection", f"{model}: no connection ({why}). Check OPENAI_BASE_URL.")
        case openai.APIConnectionError():
            return Fault("connection", f"{model}: the connection broke ({error.__cause__ or error}).")
        case openai.AuthenticationError():
            return Fault("unauthorized", f"{model}: OPENAI_API_KEY is missing or wrong. Make a new key.")
        case openai.PermissionDeniedError():
            return Fault("unauthorized", f"{model} is closed to OPENAI_API_KEY ({error.message}).")
        case openai.NotFoundError():
            return Fault("not_found", f"{model} is not there. Check the model's name and OPENAI_BASE_URL.")
        case openai.RateLimitError() if "quota" in f"{error.code} {error.type}":
            return Fault("quota", f"{model}: the account has no credit left. Add some, or raise its budget.")
        case openai.RateLimitError():
            return Fault("rate_limit", f"{model}: there were more requests than the account may make.")
        case openai.APIStatusError() if error.status_code < 500:
            return Fault("refused", f"{model} refused the request ({error.status_code}: {error.message}).")
        case openai.APIStatusError():
            return Fault("server", f"{model}: the server has a fault of its own ({error.status_code}).")
        case openai.APIError():
            return Fault("server", f"{model} broke off with an error ({error.message}).")
        case _:
            return Fault("broken", f"{model} gave no proper answer ({error or type(error).__name__}).")
