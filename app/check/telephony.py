"""What Twilio needs: an address that it can reach, signatures, numbers."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import httpx2

from app.check.account import NUMBER, check_account
from app.check.address import is_public, without_password
from app.check.finding import SECONDS, Finding, bounded, failed, ok, warning
from app.settings import Settings

NGROK = "run: ngrok start --config ngrok.yml offhook, and set WEBHOOK_URL to the https address it prints."
USELESS = ("certificate", "SSL", "Name or service", "nodename", "resolution")
"""Words of errors that Twilio would meet as well: nobody knows the name, the certificate is wrong."""


async def check_telephony(settings: Settings) -> list[Finding]:
    """WEBHOOK_URL, WEBSOCKET_URL, TRANSFER_NUMBER and all that begins with TWILIO_."""
    webhook, account = await asyncio.gather(
        bounded("WEBHOOK_URL", _webhook(settings)), check_account(settings)
    )
    return [webhook, *_streams(settings), _signatures(settings), *account, *_transfer(settings)]


def _expects_twilio(settings: Settings) -> bool:
    """Whether real calls are meant to come: not on a laptop, nor where something plays Twilio."""
    named = settings.twilio_account_sid or settings.twilio_phone_number
    return bool(named) and not settings.twilio_api_url


async def _webhook(settings: Settings) -> Finding:
    url, place = settings.webhook_url, without_password(settings.webhook_url)
    if is_public(url) and urlsplit(url).scheme != "https":
        return failed("WEBHOOK_URL", f"{place} is not encrypted.", "Use https: Twilio wants it for streams.")
    try:
        obstacle = await _obstacle(url)
    except httpx2.ConnectError as error:
        return failed("WEBHOOK_URL", f"{place} cannot be used: {error}", "Mend it, its DNS or certificate.")
    if not is_public(url):
        runs = "No server runs there now." if obstacle else "A server runs there now."
        text = f"{place} is for callers on this machine or its network: Twilio cannot reach it. {runs}"
        if _expects_twilio(settings):
            return failed("WEBHOOK_URL", text, f"Make it reachable, for instance so: {NGROK}")
        return ok("WEBHOOK_URL", text, f"For calls from Twilio {NGROK}")
    if obstacle:
        return warning(
            "WEBHOOK_URL",
            f"{place} is not this server now: {obstacle}.",
            "Start the server (offhook serve), and let the tunnel or proxy lead to its PORT.",
        )
    return ok("WEBHOOK_URL", f"{place} is reached, and a server answers there.")


async def _obstacle(url: str) -> str:
    """What keeps a server from answering there; empty if one does.

    Raises:
        httpx2.ConnectError: the address is of no use, whoever is started there.
    """
    try:
        async with httpx2.AsyncClient(timeout=SECONDS / 2, trust_env=is_public(url)) as client:
            response = await client.get(f"{url}/healthz")
    except httpx2.HTTPError as error:
        if isinstance(error, httpx2.ConnectError) and any(word in str(error) for word in USELESS):
            raise
        return "nobody answers"
    ours = response.status_code == 200 and '"status"' in response.text
    return "" if ours else f"what answers says {response.status_code} to GET /healthz"


def _streams(settings: Settings) -> list[Finding]:
    url = settings.websocket_url
    if urlsplit(url).scheme == "wss" or not is_public(url):
        return []
    text = f"{without_password(url)} is not encrypted."
    return [failed("WEBSOCKET_URL", text, "Twilio opens streams by wss:// only.")]


def _signatures(settings: Settings) -> Finding:
    tokens = len(settings.auth_tokens)
    if tokens:
        both = "" if tokens == 1 else f", by one of {tokens} auth tokens"
        return ok("signatures", f"every webhook and stream must be signed by Twilio{both}.")
    if is_public(settings.webhook_url) or _expects_twilio(settings):
        text = "not set: nothing is checked for Twilio's signature."
        return warning("TWILIO_AUTH_TOKEN", text, "Set it: whoever finds the address can call.")
    return ok("signatures", "nothing is checked for one: right for calls by hand (no TWILIO_AUTH_TOKEN).")


def _transfer(settings: Settings) -> list[Finding]:
    number = settings.transfer_number
    if not number or NUMBER.fullmatch(number):
        return []
    text = f"{number} is no number."
    return [failed("TRANSFER_NUMBER", text, "Write it as +15550123: +, country, number.")]
