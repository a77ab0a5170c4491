"""The voice of this machine: Piper in a worker process. No key, no network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from app.errors import SettingError
from app.services.text_to_speech.interface import SynthesisError
from app.services.worker_process import WorkerDiedError, WorkerError, WorkerProcess
from app.settings import Settings

TRIES = 2
"""A clause is asked for again if the process dies before it has given anything of it."""
PATIENCE = 10.0
"""Seconds. A clause takes 0.6 to 1 s of CPU (measured); a caller who hears nothing for this long has gone."""


class LocalTextToSpeech:
    """One process speaks for all calls; their clauses wait for each other in the order they came."""

    name = "local"

    def __init__(self, settings: Settings) -> None:
        self.worker = WorkerProcess("voice", "app.services.text_to_speech.piper_worker", patience=PATIENCE)

    async def start(self) -> None:
        """Start the worker process; returns when the voice has loaded.

        Raises:
            SettingError: it is not installed, or does not load.
        """
        try:
            await self.worker.start()
        except WorkerError as error:
            raise SettingError(
                "TEXT_TO_SPEECH",
                f"the local voice cannot be used: {error}",
                "Install it with: pip install 'offhook[local-voice]'",
            ) from error

    async def aclose(self) -> None:
        """End the worker process; what is being spoken ends with `SynthesisError`."""
        await self.worker.aclose()

    @property
    def ready(self) -> bool:
        """Whether a clause asked for now would be spoken."""
        return self.worker.ready

    async def synthesize(self, text: str) -> AsyncGenerator[bytes, None]:
        """Speak a clause: a piece of 8 kHz μ-law for each sentence in it.

        Raises:
            SynthesisError: the voice could not speak it, or is not there.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        spoken = False
        for attempt in range(1, TRIES + 1):
            try:
                async with asyncio.timeout_at(deadline):
                    await self.worker.wait_ready()
                async with aclosing(self.worker.stream(text, bytes)) as pieces:
                    async for piece in pieces:
                        spoken = True
                        yield piece
                return
            except TimeoutError as error:
                raise SynthesisError(f"{self.worker.name} does not come back.") from error
            except WorkerDiedError as error:
                if spoken or attempt == TRIES:
                    raise SynthesisError(str(error)) from error
            except WorkerError as error:
                raise SynthesisError(str(error)) from error
