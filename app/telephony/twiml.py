"""The answers to Twilio's webhooks."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from twilio.twiml.voice_response import VoiceResponse

from app.settings import Settings


def _xml(response: VoiceResponse) -> Response:
    return Response(str(response), media_type="application/xml")


def _url(settings: Settings, path: str, tries: int) -> str:
    # The count travels with the call, whichever process is asked. Twilio signs the query with the URL.
    return f"{settings.webhook_url}{path}" + (f"?tries={tries}" if tries else "")


HOLD_SECONDS = 1
RING_SECONDS = 25
"""How long a transfer rings, some five rings: longer than a person needs, shorter than callers hold."""


PROMPT_TRIES = 5
"""So often a call gets its next stream at once, then one a second: an outage takes its time."""


def connect_stream(settings: Settings, token: str, tries: int = 0) -> Response:
    """Open the media stream. When it ends, for whatever reason, Twilio asks `/voice/next`, and says then that
    there have been so many `tries`."""
    response = VoiceResponse()
    if tries > PROMPT_TRIES:
        response.pause(length=HOLD_SECONDS)
    connect = response.connect(action=_url(settings, "/voice/next", tries), method="POST")
    stream = connect.stream(
        url=settings.websocket_url,
        status_callback=f"{settings.webhook_url}/voice/stream-status",
        status_callback_method="POST",
    )
    stream.parameter(name="token", value=token)
    return _xml(response)


def hang_up() -> Response:
    """End the call."""
    response = VoiceResponse()
    response.hangup()
    return _xml(response)


def say_and_hang_up(text: str) -> Response:
    """A polite sentence in Twilio's own voice: for when ours cannot be had."""
    response = VoiceResponse()
    response.say(text)
    response.hangup()
    return _xml(response)


def hold(settings: Settings, path: str, tries: int) -> Response:
    """Let the caller wait a moment in silence, then ask `path` again, whoever answers there by then."""
    response = VoiceResponse()
    response.pause(length=HOLD_SECONDS)
    response.redirect(_url(settings, path, tries), method="POST")
    return _xml(response)


def transfer(settings: Settings, caller_id: str = "", tries: int = 0) -> Response:
    """Connect the caller to a person; `/voice/next` hears how that went, and of how many `tries`.

    The person sees `caller_id`; without one, who is calling.
    """
    response = VoiceResponse()
    shown: dict[str, Any] = {"caller_id": caller_id} if caller_id else {}
    response.dial(
        settings.transfer_number,
        action=_url(settings, "/voice/next", tries),
        method="POST",
        timeout=RING_SECONDS,
        **shown,
    )
    return _xml(response)
