"""The account at Twilio: whether it takes the token, and whether the number's calls come here."""

from __future__ import annotations

import asyncio
import re

import httpx2

from app.check.address import is_public, without_password
from app.check.finding import SECONDS, Finding, Level, bounded, failed, ok, warning
from app.settings import Settings

ACCOUNT_SID = re.compile(r"AC[0-9a-f]{32}")
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164: at most fifteen digits."""
TWILIO = "https://api.twilio.com"
ROOT = "/2010-04-01/Accounts/"
CONSOLE = "Copy it from the console's home page."
REACH = "Check the network, and TWILIO_API_URL if it is set."


async def check_account(settings: Settings) -> list[Finding]:
    """TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, TWILIO_PHONE_NUMBER."""
    sid, tokens, number = settings.twilio_account_sid, settings.auth_tokens, settings.twilio_phone_number
    findings = []
    if number and not NUMBER.fullmatch(number):
        findings.append(
            failed(
                "TWILIO_PHONE_NUMBER", f"{number} is no number.", "Write it as +15550123: +, country, number."
            )
        )
    if sid and not ACCOUNT_SID.fullmatch(sid):
        text = "it is no account SID, which is AC and 32 hexadecimal digits."
        return [failed("TWILIO_ACCOUNT_SID", text, CONSOLE), *findings]
    if not sid or not tokens:
        if sid or tokens:
            missing = "TWILIO_AUTH_TOKEN" if sid else "TWILIO_ACCOUNT_SID"
            text = "not set: Twilio cannot be asked to place a call, or to end one."
            findings.append(warning(missing, text, CONSOLE))
        return findings
    asked = await asyncio.gather(
        *(bounded("Twilio account", _ask_account(settings, token)) for token in tokens)
    )
    accepted = [token for token, finding in zip(tokens, asked, strict=True) if finding.level is Level.OK]
    for count, finding in enumerate(asked, 1):
        which = "" if len(asked) == 1 else f" (token {count} of {len(asked)})"
        # One good token is enough for calls; the other one is of no use.
        level = Level.WARNING if accepted and finding.level is Level.FAILED else finding.level
        findings.append(Finding(level, f"Twilio account{which}", finding.text, finding.advice))
    if accepted and NUMBER.fullmatch(number):
        findings.append(await bounded("TWILIO_PHONE_NUMBER", _ask_number(settings, accepted[0])))
    return findings


async def _ask_account(settings: Settings, token: str) -> Finding:
    status, body = await _get(settings, token, ".json")
    if status in (401, 403, 404):
        return failed(
            "Twilio account",
            f"Twilio refuses TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN together ({status}).",
            "Copy both from the console's home page: the token also proves that a call is from Twilio.",
        )
    if status != 200:
        return warning("Twilio account", f"Twilio's API answers {status or 'nothing'}.", REACH)
    state = str(body.get("status", "active"))
    if state != "active":
        return failed("Twilio account", f"the account is {state}.", "Twilio's console says why.")
    trial = " It is a trial account: it calls verified numbers only." if body.get("type") == "Trial" else ""
    return ok("Twilio account", f"Twilio accepts the account and its token.{trial}")


async def _ask_number(settings: Settings, token: str) -> Finding:
    subject, number = "TWILIO_PHONE_NUMBER", settings.twilio_phone_number
    query = {"PhoneNumber": number}
    status, body = await _get(settings, token, "/IncomingPhoneNumbers.json", query)
    if status != 200:
        return warning(subject, f"Twilio's API answers {status or 'nothing'}.", REACH)
    numbers = body.get("incoming_phone_numbers")
    if not isinstance(numbers, list) or not numbers:
        return failed(subject, f"{number} does not belong to the account.", "Correct it, or buy it.")
    wanted, found = f"{settings.webhook_url}/voice/incoming", str(numbers[0].get("voice_url") or "")
    if numbers[0].get("voice_application_sid"):
        return ok(subject, f"{number} belongs to the account; a TwiML application says where its calls go.")
    if found != wanted:
        return warning(
            subject,
            f"calls to {number} go to {without_password(found) or 'nowhere'}, not to this server.",
            f"In the console, under the number's Voice Configuration, enter {without_password(wanted)}",
        )
    if str(numbers[0].get("voice_method", "POST")).upper() != "POST":
        return failed(subject, f"calls to {number} come by GET.", "Choose HTTP POST at the number.")
    return ok(subject, f"calls to {number} come here.")


async def _get(
    settings: Settings, token: str, path: str, query: dict[str, str] | None = None
) -> tuple[int, dict[str, object]]:
    """The status and the JSON; 0 if Twilio cannot be reached."""
    base = (settings.twilio_api_url or TWILIO).rstrip("/")
    sid = settings.twilio_account_sid
    async with httpx2.AsyncClient(
        auth=(sid, token), timeout=SECONDS / 2, trust_env=is_public(base)
    ) as client:
        try:
            response = await client.get(f"{base}{ROOT}{sid}{path}", params=query)
            body = response.json() if response.status_code == 200 else {}
        except (httpx2.HTTPError, ValueError):
            return 0, {}
    return response.status_code, body if isinstance(body, dict) else {}
