"""Is it Twilio that asks? Checked with the `twilio` package against the one public URL of the settings."""

from __future__ import annotations

import logging
from urllib.parse import parse_qs, urlsplit, urlunsplit

from starlette.datastructures import FormData, Headers
from twilio.request_validator import (
    HMAC_SHA1,
    HMAC_SHA256,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from app.limits.quiet_log import QuietLog
from app.settings import Settings

log = logging.getLogger(__name__)

BODY_HASH = "bodySHA256"
"""The parameter of a webhook's URL that signs a body which is not a form."""


class Signatures:
    """Checks webhooks and WebSocket upgrades. Where nothing is signed everything passes; who is let in then
    is for `callers.is_local` to say.
    """

    def __init__(self, settings: Settings) -> None:
        self._webhook_url = settings.webhook_url
        self._websocket_url = settings.websocket_url
        self._validators = [RequestValidator(secret) for secret in settings.signing_secrets]
        self._log = QuietLog(log)

    @property
    def required(self) -> bool:
        return bool(self._validators)

    def webhook(self, path: str, query: str, body: FormData | str, headers: Headers) -> bool:
        """Whether a POST is signed. `path` and `query` as they came, still escaped: so they were signed.

        A form stays a multi-dict: `dict` would lose repeated keys. A body of JSON is text, and its hash has
        to be in the query.
        """
        url = self._webhook_url + path + (f"?{query}" if query else "")
        if isinstance(body, str) and BODY_HASH not in parse_qs(query):
            return self._refuse("no hash of the body in the", url) if self.required else True
        return self._check([url], body, headers)

    def websocket(self, headers: Headers) -> bool:
        """Whether a WebSocket upgrade is signed: over the wss URL of the TwiML, without parameters."""
        return self._check(_spellings(self._websocket_url), {}, headers)

    def _check(self, urls: list[str], parameters: object, headers: Headers) -> bool:
        if not self._validators:
            return True
        signature = headers.get(SIGNATURE_HEADER, "")
        if not signature:  # for which the validator raises TypeError
            return self._refuse("no", urls[0])
        algorithm = get_signature_algorithm(headers.get(SIGNATURE_SETTINGS_HEADER)).upper()
        if algorithm not in (HMAC_SHA1, HMAC_SHA256):  # of which the validator would write to the log
            return self._refuse("an unknown kind of", urls[0])
        if any(
            validator.validate(url, parameters, signature, algorithm)
            for validator in self._validators
            for url in urls
        ):
            return True
        return self._refuse("a wrong", urls[0])

    def _refuse(self, what: str, url: str) -> bool:
        self._log.warning(
            "refused: %s signature for %.300s. If this is Twilio, WEBHOOK_URL or TWILIO_AUTH_TOKEN is wrong.",
            what,
            url,
        )
        return False


def _spellings(url: str) -> list[str]:
    """The public URL as it is, and as some clients write it: with a slash at its end, with its port."""
    parts = urlsplit(url)
    hosts = [parts.netloc]
    if parts.scheme == "wss":
        host = parts.netloc.removesuffix(":443")
        if parts.port in (None, 443):
            hosts = [parts.netloc, host, f"{host}:443"]
    path = parts.path.rstrip("/")
    paths = [parts.path, path, f"{path}/"]
    spellings = [urlunsplit((parts.scheme, host, path, "", "")) for host in hosts for path in paths]
    return list(dict.fromkeys(spellings))
