"""Is it Twilio that asks? Checked with the `twilio` package against the one public URL of the settings."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit, urlunsplit

from starlette.datastructures import FormData, Headers
from twilio.request_validator import RequestValidator

from app.settings import Settings

log = logging.getLogger(__name__)

HEADER = "X-Twilio-Signature"


class Signatures:
    """Checks webhooks and WebSocket upgrades. Without an auth token everything passes: a laptop."""

    def __init__(self, settings: Settings) -> None:
        self._webhook_url = settings.webhook_url
        self._websocket_url = settings.websocket_url
        self._validators = [RequestValidator(token) for token in settings.auth_tokens]

    @property
    def required(self) -> bool:
        return bool(self._validators)

    def webhook(self, path: str, query: str, form: FormData, headers: Headers) -> bool:
        """Whether a form POST is signed. The form stays a multi-dict: `dict` would lose repeated keys."""
        url = self._webhook_url + path + (f"?{query}" if query else "")
        return self._check([url], form, headers)

    def websocket(self, headers: Headers) -> bool:
        """Whether a WebSocket upgrade is signed: over the wss URL of the TwiML, without parameters."""
        return self._check(_spellings(self._websocket_url), {}, headers)

    def _check(self, urls: list[str], parameters: object, headers: Headers) -> bool:
        if not self._validators:
            return True
        # The validator raises TypeError without a header.
        signature = headers.get(HEADER, "")
        if signature and any(
            validator.validate(url, parameters, signature) for validator in self._validators for url in urls
        ):
            return True
        log.warning(
            "refused: %s signature for %s. If this is Twilio, WEBHOOK_URL or TWILIO_AUTH_TOKEN is wrong.",
            "a wrong" if signature else "no",
            urls[0],
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
