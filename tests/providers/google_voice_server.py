"""Google Text-to-Speech on loopback: real gRPC with Google's own messages, and every way to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType

import grpc
from google.cloud.texttospeech_v1 import StreamingSynthesizeRequest, StreamingSynthesizeResponse

from tests.providers.voices import Stall, Wait, audio_of

PIECE = 800


@dataclass(frozen=True, slots=True)
class Abort:
    """End the RPC with this status."""

    code: grpc.StatusCode
    details: str = "as told"


Step = bytes | Stall | Wait | Abort


@dataclass
class GoogleVoiceServer:
    """Speaks each text as `audio_of` it in pieces of 100 ms, or does what `script` says instead."""

    script: list[Step] | None = None
    address: str = ""
    requests: list[list[StreamingSynthesizeRequest]] = field(default_factory=list)
    """What came, by RPC."""
    peers: set[str] = field(default_factory=set)
    """The client's end of each connection."""
    streaming: int = 0
    """RPCs under way."""
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while there are none."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when an RPC has been asked for a text."""

    async def __aenter__(self) -> GoogleVoiceServer:
        self._server = grpc.aio.server(options=[("grpc.max_concurrent_streams", 100)])
        handler = grpc.stream_stream_rpc_method_handler(
            self._synthesize,
            request_deserializer=StreamingSynthesizeRequest.deserialize,
            response_serializer=StreamingSynthesizeResponse.serialize,
        )
        service = "google.cloud.texttospeech.v1.TextToSpeech"
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"StreamingSynthesize": handler}),)
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self.idle.set()
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.stop(None)

    async def _synthesize(
        self, requests: AsyncIterator[StreamingSynthesizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[StreamingSynthesizeResponse]:
        received: list[StreamingSynthesizeRequest] = []
        self.requests.append(received)
        self.peers.add(context.peer())
        self.streaming += 1
        self.idle.clear()
        try:
            received.extend([request async for request in requests])
            self.begun.set()
            if not received or not received[0].streaming_config:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The first message must be a config.")
            text = " ".join(request.input.text for request in received[1:])
            async for piece in self._speak(text, context):
                yield StreamingSynthesizeResponse(audio_content=piece)
        finally:
            self.streaming -= 1
            if not self.streaming:
                self.idle.set()

    async def _speak(self, text: str, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        audio = audio_of(text)
        steps: list[Step] = [audio[at : at + PIECE] for at in range(0, len(audio), PIECE)]
        for step in steps if self.script is None else self.script:
            match step:
                case bytes():
                    yield step
                case Wait():
                    await asyncio.sleep(step.seconds)
                case Stall():
                    await asyncio.Event().wait()
                case Abort():
                    await context.abort(step.code, step.details)
