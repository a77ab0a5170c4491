"""A server of one's own: signed webhooks, signed WebSocket, embedded database, local speech, on loopback."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from app.operator_token import operator_token
from app.server import bind, running
from app.services.text_to_speech import TextToSpeech
from app.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class OwnServer:
    """It is ready for calls."""

    settings: Settings
    voice: TextToSpeech
    auth_token: str
    operator_token: str


@asynccontextmanager
async def own_server(auth_token: str = "", **changes: object) -> AsyncIterator[OwnServer | None]:
    """A server for as long as the context lasts; None if it was stopped before it was ready. Without an
    `auth_token` it makes up one.

    Raises:
        OffhookError: a part could not be loaded.
    """
    listener = bind(load_settings(host="127.0.0.1", port=0))
    port = listener.getsockname()[1]
    auth_token = auth_token or secrets.token_hex(16)
    chosen: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "webhook_url": f"http://127.0.0.1:{port}",
        "websocket_url": "",
        "database_url": "",
        "twilio_auth_token": auth_token,
        "speech_to_text": "local",
        "text_to_speech": "local",
        "language_model": "local",
        "jobs": "inline",
    }
    settings = load_settings(**(chosen | changes))
    async with running(settings, listener) as (app, server):
        loaded = asyncio.create_task(app.state.loaded.wait())
        await asyncio.wait([loaded, server], return_when=asyncio.FIRST_COMPLETED)
        loaded.cancel()
        ready = not server.done()
        yield OwnServer(settings, app.state.voice, auth_token, operator_token(settings)) if ready else None
