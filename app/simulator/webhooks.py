"""Twilio's requests over HTTP: signed, form-encoded, and strict about what comes back."""

from __future__ import annotations

import secrets
import ssl
import uuid
from collections.abc import Mapping
from functools import cache
from typing import cast

import httpx2
from twilio.request_validator import RequestValidator

from app.simulator import twiml
from app.simulator.violations import ViolationError

TIMEOUT_SECONDS = 15.0
"""How long Twilio waits for a webhook."""
TWIML_TYPES = ("application/xml", "text/xml", "text/html")


@cache
def trusted_authorities() -> ssl.SSLContext:
    """Whom the simulator believes. To load them takes 40 ms, in which every other call stands still."""
    return httpx2.create_ssl_context(trust_env=False)


def new_sid(prefix: str) -> str:
    """A SID as Twilio makes them: CA (call), MZ (stream), AC (account)."""
    return prefix + secrets.token_hex(16)


class Webhooks:
    """Sends the webhooks of one account. Without an auth token nothing is signed."""

    def __init__(self, client: httpx2.AsyncClient, auth_token: str) -> None:
        self._client = client
        self._validator = RequestValidator(auth_token) if auth_token else None

    def signature(self, url: str, form: Mapping[str, str]) -> dict[str, str]:
        """The header that proves who asks, for a request or for a WebSocket upgrade (an empty form)."""
        if self._validator is None:
            return {}
        return {"X-Twilio-Signature": cast("str", self._validator.compute_signature(url, form))}

    async def request(self, url: str, form: Mapping[str, str], method: str = "POST") -> httpx2.Response:
        """Send a webhook.

        Raises:
            ViolationError: 11200, the server did not answer, or not with 2xx.
        """
        if method == "GET":
            url = str(httpx2.URL(url).copy_merge_params(dict(form)))
            form = {}
        headers = self.signature(url, form) | {"I-Twilio-Idempotency-Token": str(uuid.uuid4())}
        try:
            response = await self._client.request(method, url, data=dict(form) or None, headers=headers)
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise ViolationError(twiml.RETRIEVAL_FAILED, f"{method} {url}: {reason}") from None
        if not response.is_success:
            raise ViolationError(
                twiml.RETRIEVAL_FAILED, f"{method} {url}: HTTP {response.status_code} {response.text:.200}"
            )
        return response

    async def fetch_twiml(
        self, url: str, form: Mapping[str, str], method: str = "POST"
    ) -> tuple[twiml.Verb, ...]:
        """Ask what to do with the call.

        Raises:
            ViolationError: no TwiML came back that Twilio would follow.
        """
        response = await self.request(url, form, method)
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type not in TWIML_TYPES:
            raise ViolationError(
                twiml.WRONG_CONTENT_TYPE, f"{method} {url}: TwiML is application/xml, not {content_type!r}"
            )
        return twiml.parse(response.content)
