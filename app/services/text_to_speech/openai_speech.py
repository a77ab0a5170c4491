"""The speech endpoint of servers that speak OpenAI's protocol: 24 kHz as they make it, 8 kHz μ-law out.

OpenAI's own endpoint ends on 6 January 2027; for its voices see `openai_realtime`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx2
import openai

from app.services.openai_client import fault_of, openai_client
from app.services.text_to_speech.interface import SynthesisError
from app.services.text_to_speech.resample import ToTelephone
from app.settings import Settings

PATIENCE_SECONDS = 10.0
"""For the next piece. Whoever has another voice is less patient."""
NOT_PCM = ("text/", "application/json", "audio/mpeg", "audio/wav", "audio/x-wav", "audio/ogg", "audio/flac")
"""What servers answer that do not know `response_format`; played as samples it would be noise."""


class OpenAISpeech:
    """One voice for all calls of a process: one request a clause."""

    name = "openai"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: openai.AsyncOpenAI | None = None

    async def start(self) -> None:
        """Make ready to ask; whether the server answers is seen when it is asked."""
        self._client = openai_client(self._settings, seconds=PATIENCE_SECONDS)

    async def aclose(self) -> None:
        """Close the connections; what is being spoken ends with `SynthesisError`."""
        client, self._client = self._client, None
        if client:
            await client.close()

    @property
    def ready(self) -> bool:
        """Whether a clause asked for now would be spoken."""
        return self._client is not None

    async def synthesize(self, text: str) -> AsyncGenerator[bytes, None]:
        """Speak a clause: pieces of 8 kHz μ-law as the server makes them.

        Raises:
            SynthesisError: the server could not speak it.
        """
        if self._client is None:
            raise SynthesisError("OpenAI's voice is closed.")
        model = self._settings.openai_speech_model
        resampler = ToTelephone()
        spoken = False
        try:
            async with self._client.audio.speech.with_streaming_response.create(
                model=model, voice=self._settings.openai_voice, input=text, response_format="pcm"
            ) as response:
                if (kind := response.headers.get("content-type", "")).startswith(NOT_PCM):
                    raise SynthesisError(
                        f"{model} answered with {kind}. It has to offer response_format=pcm."
                    )
                async for chunk in response.iter_bytes():
                    if audio := resampler.feed(chunk):
                        spoken = True
                        yield audio
        except (openai.OpenAIError, httpx2.HTTPError) as error:
            raise SynthesisError(fault_of(error, model).words) from error
        if rest := resampler.flush():
            yield rest
        elif not spoken:
            raise SynthesisError(f"{model} gave no audio.")
