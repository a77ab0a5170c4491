"""OpenAI's own voices, which only its Realtime API keeps: connections held ready, one a clause at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import openai

from app.services.openai_client import openai_client
from app.services.text_to_speech.interface import SynthesisError
from app.services.text_to_speech.realtime_session import RealtimeSession, SessionLostError
from app.settings import Settings

log = logging.getLogger(__name__)

WARM = 2
"""Connections that wait for a clause: connecting and setting up takes several round trips."""
MOST_IDLE = 16
"""More than this are closed when their clause is over."""
RENEW_SECONDS = 55 * 60.0
"""OpenAI ends a session after 60 minutes."""
FIRST_BACKOFF = 0.5
LAST_BACKOFF = 30.0


class OpenAIRealtimeVoice:
    """One voice for all calls of a process. A clause takes a connection that waits, or opens another."""

    name = "openai"

    def __init__(self, settings: Settings, *, renew_seconds: float = RENEW_SECONDS) -> None:
        self._settings = settings
        self._renew_seconds = renew_seconds
        self._client: openai.AsyncOpenAI | None = None
        self._idle: list[RealtimeSession] = []
        self._open: set[RealtimeSession] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._wanted = asyncio.Event()

    async def start(self) -> None:
        """Begin to connect; whether OpenAI answers is not waited for."""
        self._client = openai_client(self._settings, seconds=10)
        started = asyncio.Event()
        self._keeper = asyncio.create_task(self._keep(started), name="realtime voice")
        await started.wait()

    async def aclose(self) -> None:
        """Close the connections; what is being spoken ends with `SynthesisError`."""
        client, self._client = self._client, None
        if self._keeper:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        async with asyncio.TaskGroup() as closing:
            for session in self._open:
                closing.create_task(session.aclose())
        self._open.clear()
        self._idle.clear()
        if client:
            await client.close()

    @property
    def ready(self) -> bool:
        """Whether a clause asked for now would be spoken."""
        return self._client is not None

    async def synthesize(self, text: str) -> AsyncGenerator[bytes, None]:
        """Speak a clause: pieces of 8 kHz μ-law as OpenAI makes them.

        Raises:
            RewordedError: OpenAI says something else.
            SynthesisError: OpenAI could not speak it.
        """
        spoken = False
        while not spoken:
            waiting = bool(self._idle)
            session = self._idle.pop() if waiting else await self._connect()
            self._wanted.set()
            try:
                async with aclosing(session.speak(text)) as pieces:
                    async for piece in pieces:
                        spoken = True
                        yield piece
                if not spoken:
                    raise SynthesisError("OpenAI gave no audio.")
            except SessionLostError:
                # One that waited may have been lost meanwhile: then the next one speaks.
                if spoken or not waiting:
                    raise
            finally:
                self._give_back(session)

    def _give_back(self, session: RealtimeSession) -> None:
        # Synchronous, so that a caller who interrupts waits for nothing.
        if self._client is None:
            return
        if session.speaking or len(self._idle) >= MOST_IDLE:
            self._tasks.create_task(self._settle(session))
        else:
            self._idle.append(session)

    async def _settle(self, session: RealtimeSession) -> None:
        if await session.settle() and len(self._idle) < MOST_IDLE:
            self._idle.append(session)
        else:
            await self._close(session)

    async def _connect(self) -> RealtimeSession:
        if self._client is None:
            raise SynthesisError("OpenAI's voice is closed.")
        session = await RealtimeSession.open(
            self._client, self._settings.openai_realtime_model, self._settings.openai_voice
        )
        self._open.add(session)
        return session

    async def _close(self, session: RealtimeSession) -> None:
        self._open.discard(session)
        await session.aclose()

    async def _keep(self, started: asyncio.Event) -> None:
        """Every task of the voice lives in here."""
        async with asyncio.TaskGroup() as self._tasks:
            started.set()
            await self._keep_warm()

    async def _keep_warm(self) -> None:
        backoff = FIRST_BACKOFF
        while True:
            self._wanted.clear()
            now = time.monotonic()
            for session in [
                session for session in self._idle if session.opened_at + self._renew_seconds <= now
            ]:
                self._idle.remove(session)
                await self._close(session)
            if len(self._idle) < WARM:
                try:
                    self._idle.append(await self._connect())
                    backoff = FIRST_BACKOFF
                except SynthesisError as error:
                    log.warning("no voice from OpenAI, trying again in %.1f s: %s", backoff, error)
                    await asyncio.sleep(backoff * random.uniform(0.75, 1.25))  # noqa: S311
                    backoff = min(2 * backoff, LAST_BACKOFF)
                continue
            oldest = min(session.opened_at for session in self._idle)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, oldest + self._renew_seconds - now)):
                    await self._wanted.wait()
