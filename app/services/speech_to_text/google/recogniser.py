"""Google's recogniser, shared by all calls of a process: credentials, channels, streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio
from google.auth.credentials import Credentials
from google.cloud.speech_v2.services.speech.transports import SpeechGrpcAsyncIOTransport

from app.errors import SettingError
from app.services.google_credentials import google_credentials
from app.services.speech_to_text.google.beat import Beat
from app.services.speech_to_text.google.channels import OPTIONS, Channels
from app.services.speech_to_text.google.requests import Dialect, dialect
from app.services.speech_to_text.google.rollover import Limits
from app.services.speech_to_text.google.stream import GoogleStream
from app.settings import Settings

HOST = "speech.googleapis.com"


class GoogleSpeechToText:
    """Recognition by Google: 8 kHz μ-law goes there untouched, 100 ms a request."""

    name = "google"

    def __init__(self, settings: Settings, limits: Limits | None = None) -> None:
        self._settings = settings
        self._limits = limits or Limits()
        self._credentials: Credentials | None = None
        self._dialect: Dialect | None = None
        self._streams: set[asyncio.Task[None]] = set()
        self.channels = Channels(self._channel)
        self._beat = Beat()

    async def start(self) -> None:
        """Find the credentials. Nothing is sent yet.

        Raises:
            SettingError: there are none, or no project is named.
        """
        project = self._settings.google_cloud_project_id
        if not self._settings.google_plaintext:
            self._credentials, own_project = await asyncio.to_thread(google_credentials, self._settings)
            project = project or own_project
        if not project and self._settings.google_speech_api == "v2":
            raise SettingError(
                "GOOGLE_CLOUD_PROJECT_ID",
                "it is empty, and the credentials name no project.",
                "Set it to the project that pays for speech recognition, or set GOOGLE_SPEECH_API=v1.",
            )
        self._dialect = dialect(self._settings, project)

    async def aclose(self) -> None:
        """Close the channels; running streams end."""
        self._dialect = None
        for task in self._streams:
            task.cancel()
        await self.channels.aclose()

    @property
    def ready(self) -> bool:
        """Whether it was started."""
        return self._dialect is not None

    @asynccontextmanager
    async def stream(self, call_sid: str) -> AsyncIterator[GoogleStream]:
        """One call's recognition. Leaving the context cancels its RPCs, whatever was going on."""
        if self._dialect is None:
            raise RuntimeError("the recogniser was not started")
        seconds = self._settings.failover_seconds
        stream = GoogleStream(self._dialect, self.channels, self._beat, self._limits, seconds)
        listening = asyncio.create_task(stream.listen(), name=f"recognition of {call_sid} by Google")
        self._streams.add(listening)
        try:
            yield stream
        finally:
            self._streams.discard(listening)
            listening.cancel()
            await asyncio.wait([listening])

    @property
    def _host(self) -> str:
        if self._settings.google_speech_endpoint:
            return self._settings.google_speech_endpoint
        location = self._settings.google_speech_location
        is_regional = self._settings.google_speech_api == "v2" and location != "global"
        return f"{location}-{HOST}" if is_regional else HOST

    def _channel(self) -> grpc.aio.Channel:
        if self._settings.google_plaintext:
            return grpc.aio.insecure_channel(self._host, options=OPTIONS)
        return SpeechGrpcAsyncIOTransport.create_channel(
            self._host, credentials=self._credentials, options=OPTIONS
        )
