"""Google's voices: streaming synthesis in 8 kHz μ-law, as the telephone takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import grpc
from google.cloud.texttospeech_v1 import (
    AudioEncoding,
    StreamingAudioConfig,
    StreamingSynthesisInput,
    StreamingSynthesizeConfig,
    StreamingSynthesizeRequest,
    VoiceSelectionParams,
)
from google.cloud.texttospeech_v1.services.text_to_speech.transports import TextToSpeechGrpcAsyncIOTransport
from grpc import StatusCode

from app.services.google_credentials import google_credentials
from app.services.text_to_speech.interface import SynthesisError
from app.settings import Settings

ENDPOINT = "texttospeech.googleapis.com"
STREAMS_PER_CHANNEL = 80
"""Google serves 100 streams on a connection; the 101st would wait without an error."""

REMEDIES = {
    StatusCode.UNAUTHENTICATED: "Check the key file that GOOGLE_APPLICATION_CREDENTIALS names.",
    StatusCode.PERMISSION_DENIED: "Enable the Text-to-Speech API in the project, and let the service account "
    "use it.",
    StatusCode.NOT_FOUND: "Check GOOGLE_TTS_VOICE.",
    StatusCode.INVALID_ARGUMENT: "Check GOOGLE_TTS_VOICE: only Chirp 3 HD voices stream.",
    StatusCode.RESOURCE_EXHAUSTED: "The project's quota of Text-to-Speech is used up; ask Google for more.",
}


class GoogleTextToSpeech:
    """One voice for all calls of a process: one RPC a clause, on as many connections as that takes."""

    name = "google"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._channels: list[_Channel] = []
        self._started = False
        self._config = StreamingSynthesizeRequest(
            streaming_config=StreamingSynthesizeConfig(
                voice=VoiceSelectionParams(
                    # "en-US" of "en-US-Chirp3-HD-Kore".
                    language_code="-".join(settings.google_tts_voice.split("-")[:2]),
                    name=settings.google_tts_voice,
                ),
                streaming_audio_config=StreamingAudioConfig(
                    audio_encoding=AudioEncoding.MULAW,
                    sample_rate_hertz=8000,
                    speaking_rate=settings.google_tts_rate,
                ),
            )
        )

    async def start(self) -> None:
        """Find the credentials and begin to connect; whether Google answers is not waited for.

        Raises:
            SettingError: there are no credentials, or they cannot be read.
        """
        self._credentials = None
        if not self._settings.google_plaintext:
            self._credentials, _ = await asyncio.to_thread(google_credentials, self._settings)
        self._started = True
        self._channel().transport.grpc_channel.get_state(try_to_connect=True)

    async def aclose(self) -> None:
        """Close the connections; what is being spoken ends with `SynthesisError`."""
        self._started = False
        for channel in self._channels:
            await channel.transport.grpc_channel.close()
        self._channels.clear()

    @property
    def ready(self) -> bool:
        """Whether a clause asked for now would be spoken."""
        return self._started

    async def synthesize(self, text: str) -> AsyncGenerator[bytes, None]:
        """Speak a clause: pieces of 8 kHz μ-law as Google makes them.

        Raises:
            SynthesisError: Google could not speak it.
        """
        if not self._started:
            raise SynthesisError("Google's voice is closed.")
        channel = self._channel()
        channel.streams += 1
        # The transport's own method: the client's would hand the call over only once it is answered, and
        # one abandoned before that could not be cancelled.
        synthesize: Any = channel.transport.streaming_synthesize
        call = synthesize(self._requests(text))
        spoken = False
        try:
            while (response := await call.read()) is not grpc.aio.EOF:
                if response.audio_content:
                    spoken = True
                    yield response.audio_content
        except grpc.aio.AioRpcError as error:
            raise SynthesisError(_explain(error)) from error
        except asyncio.CancelledError:
            # Also what grpc raises here when the connection is closed under the call.
            task = asyncio.current_task()
            if task and task.cancelling():
                raise
            raise SynthesisError("Google's voice is closed.") from None
        finally:
            channel.streams -= 1
            call.cancel()
        if not spoken:
            raise SynthesisError("Google gave no audio.")

    async def _requests(self, text: str) -> AsyncIterator[StreamingSynthesizeRequest]:
        yield self._config
        yield StreamingSynthesizeRequest(input=StreamingSynthesisInput(text=text))

    def _channel(self) -> _Channel:
        for channel in self._channels:
            if channel.streams < STREAMS_PER_CHANNEL:
                return channel
        channel = _Channel(self._connect())
        self._channels.append(channel)
        return channel

    def _connect(self) -> TextToSpeechGrpcAsyncIOTransport:
        endpoint = self._settings.google_tts_endpoint or ENDPOINT
        # Channels to one address share a connection, and its streams, unless told not to.
        options = [("grpc.use_local_subchannel_pool", 1)]
        if self._settings.google_plaintext:
            channel = grpc.aio.insecure_channel(endpoint, options=options)
        else:
            channel = TextToSpeechGrpcAsyncIOTransport.create_channel(
                endpoint, credentials=self._credentials, options=options
            )
        return TextToSpeechGrpcAsyncIOTransport(channel=channel)


class _Channel:
    def __init__(self, transport: TextToSpeechGrpcAsyncIOTransport) -> None:
        self.transport = transport
        self.streams = 0


def _explain(error: grpc.aio.AioRpcError) -> str:
    said = f"Google's voice failed with {error.code().name}: {error.details() or 'no details'}"
    return " ".join(filter(None, (said.rstrip(".") + ".", REMEDIES.get(error.code()))))
