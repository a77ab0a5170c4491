"""The answers to Twilio's webhooks."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from twilio.twiml.voice_response import VoiceResponse

from app.settings import Settings


def _xml(response: VoiceResponse) -> Response:
    return Response(str(response), media_type="application/xml")


RING_SECONDS = 25
"""How long a transfer rings, some five rings: longer than a person needs, shorter than callers hold."""


def connect_stream(settings: Settings, token: str) -> Response:
    """Open the media stream. When it ends, for whatever reason, Twilio asks `/voice/next`."""
    response = VoiceResponse()
    connect = response.connect(action=f"{settings.webhook_url}/voice/next", method="POST")
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


def hold(settings: Settings, seconds: int) -> Response:
    """Let it wait in silence, then ask again."""
    response = VoiceResponse()
    response.pause(length=seconds)
    response.redirect(f"{settings.webhook_url}/voice/incoming", method="POST")
    return _xml(response)


def transfer(settings: Settings, caller_id: str = "") -> Response:
    """Connect the caller to a person; `/voice/next` hears how that went.

    The person sees `caller_id`; without one, who is calling.
    """
    response = VoiceResponse()
    shown: dict[str, Any] = {"caller_id": caller_id} if caller_id else {}
    response.dial(
        settings.transfer_number,
        action=f"{settings.webhook_url}/voice/next",
        method="POST",
        timeout=RING_SECONDS,
        **shown,
    )
    return _xml(response)
