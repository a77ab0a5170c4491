"""The providers of benchmarks/turns.py on loopback: a recogniser, a model and a voice that note each moment.

A turn has a name, `c7t3`: the third turn on the seventh recognition stream. The recogniser puts it into the
words it hears, the model into its answer, and the voice spells it in the audio, so that every moment of a
turn can be told, on whichever connection it happens. Clock: CLOCK_MONOTONIC, which all processes share.
"""

from __future__ import annotations

import asyncio
import audioop
import itertools
import json
import random
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import uvicorn
from google.cloud import speech_v2
from google.cloud.texttospeech_v1 import StreamingSynthesizeRequest, StreamingSynthesizeResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

LOUD = 200
"""Root mean square of 20 ms above which the recogniser hears a voice; the callers' noise has 10."""
FRAME = 160
ENDPOINT_MS = 500
"""Silence after which the recogniser says that the voice has ended."""
FINAL_MS = 1000
"""And after which its words are final: longer than any patience with a whole question, so that the server
has nothing to wait for but this."""
JITTER_MS = 100
"""Requests of all calls come at the same beat; what a provider answers does not."""
WORD_MS = 300
PIECE = 1600
GOODBYE = "goodbye."

Moments = dict[str, dict[str, float]]
"""By turn: seconds of the clock by moment."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How the providers answer: seconds from a request to the first piece of the answer."""

    model: float = 0.2
    voice: float = 0.1
    turns: int = 8
    """The last turn of a call ends with a goodbye and a hang-up."""


def audio_of(text: str) -> bytes:
    """A text as audio that tells which words it speaks: of each word, its own letters again and again."""
    length = WORD_MS * 8
    return b"".join((word.encode() * length)[:length] for word in text.split())


def turn_of(text: str) -> str:
    """The turn that a text speaks of last; empty if of none."""
    found = re.findall(r"c\d+t\d+", text)
    return found[-1] if found else ""


class Providers:
    """All three, in one process and event loop."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._streams = itertools.count()
        self.moments: Moments = {}
        self.latest = 0.0
        """Seconds by which this process itself was late at most: what it notes is no better."""

    def note(self, turn: str, moment: str) -> None:
        """The first time counts."""
        if turn:
            self.moments.setdefault(turn, {}).setdefault(moment, time.monotonic())

    async def start(self) -> tuple[str, str]:
        """Serve. Returns the address of recogniser and voice, and the URL of the model."""
        server = grpc.aio.server(options=[("grpc.max_concurrent_streams", 100)])
        recognise = grpc.stream_stream_rpc_method_handler(self._recognise)
        synthesize = grpc.stream_stream_rpc_method_handler(
            self._synthesize,
            request_deserializer=StreamingSynthesizeRequest.deserialize,
            response_serializer=StreamingSynthesizeResponse.serialize,
        )
        for service, method, handler in (
            ("google.cloud.speech.v2.Speech", "StreamingRecognize", recognise),
            ("google.cloud.texttospeech.v1.TextToSpeech", "StreamingSynthesize", synthesize),
        ):
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {method: handler}),)
            )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        routes = [Route("/v1/chat/completions", self._complete, methods=["POST"])]
        config = uvicorn.Config(
            Starlette(routes=routes), port=0, log_config=None, lifespan="off", access_log=False
        )
        model = uvicorn.Server(config)
        self._serving = (server, asyncio.create_task(model.serve()), asyncio.create_task(self._watch()))
        while not model.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        url = f"http://127.0.0.1:{model.servers[0].sockets[0].getsockname()[1]}/v1"
        return f"127.0.0.1:{port}", url

    async def _watch(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.02)
            self.latest = max(self.latest, time.monotonic() - began - 0.02)

    async def _recognise(self, requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        stream, turn = next(self._streams), 0
        ear = _Ear()
        await anext(aiter(requests))
        async for request in requests:
            for heard, at_ms in ear.hear(_audio(request)):
                await asyncio.sleep(random.random() * JITTER_MS / 1000)
                if heard == "final":
                    turn += 1
                    name = f"c{stream}t{turn}"
                    self.note(name, "final")
                    yield _final(f"What do you have on {name} for me, please?", at_ms)
                else:
                    yield _activity(heard, at_ms)

    async def _complete(self, request: Request) -> Response:
        body = await request.json()
        turn = turn_of(body["messages"][-1]["content"] or "")
        self.note(turn, "request to the model")
        if not body.get("stream"):
            return JSONResponse({"error": {"message": "there are no summaries here"}}, 501)
        return StreamingResponse(self._answer(turn), media_type="text/event-stream")

    async def _answer(self, turn: str) -> AsyncIterator[bytes]:
        last = turn.endswith(f"t{self._pace.turns}")
        yield _chunk({"role": "assistant", "content": ""})
        await asyncio.sleep(self._pace.model)
        self.note(turn, "first token")
        # The first words are a whole clause: a voice can begin with them.
        yield _chunk({"content": f"{turn} is all there is today. "})
        yield _chunk({"content": f"Thank you and {GOODBYE}" if last else "Is there anything else?"})
        if last:
            yield _chunk({"tool_calls": [HANG_UP]})
        yield _chunk({}, "tool_calls" if last else "stop")
        yield b"data: [DONE]\n\n"

    async def _synthesize(
        self, requests: AsyncIterator[StreamingSynthesizeRequest], _: Any
    ) -> AsyncIterator[StreamingSynthesizeResponse]:
        text = ""
        async for request in requests:
            text += request.input.text
            if request.input.text:
                self.note(turn_of(text), "request to the voice")
        await asyncio.sleep(self._pace.voice)
        audio = audio_of(text)
        self.note(turn_of(text), "first audio")
        for at in range(0, len(audio), PIECE):
            yield StreamingSynthesizeResponse(audio_content=audio[at : at + PIECE])


class _Ear:
    """Tells when a voice begins and ends in what it hears, by its loudness."""

    def __init__(self) -> None:
        self._held = b""
        self._heard_ms = 0
        self._loud_until_ms = 0
        self._awaited: list[tuple[int, str]] = []

    def hear(self, audio: bytes) -> list[tuple[str, int]]:
        """What there is to tell, and where in the audio, in milliseconds."""
        told = []
        self._held += audio
        while len(self._held) >= FRAME:
            frame, self._held = self._held[:FRAME], self._held[FRAME:]
            self._heard_ms += 20
            if audioop.rms(audioop.ulaw2lin(frame, 2), 2) > LOUD:
                if not self._awaited:
                    told.append(("begin", self._heard_ms - 20))
                self._loud_until_ms = self._heard_ms
                self._awaited = [(ENDPOINT_MS, "end"), (FINAL_MS, "final")]
            while self._awaited and self._heard_ms - self._loud_until_ms >= self._awaited[0][0]:
                told.append((self._awaited.pop(0)[1], self._loud_until_ms))
        return told


def _audio(request: bytes) -> bytes:
    """The audio of a request that has nothing else: a key, a length of one or two bytes, audio."""
    return request[2:] if request[1] < 0x80 else request[3:]


HANG_UP = {
    "index": 0,
    "id": "call_1",
    "type": "function",
    "function": {"name": "hang_up", "arguments": "{}"},
}


def _chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    data = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(data)}\n\n".encode()


def _offset(at_ms: int) -> dict[str, int]:
    return {"seconds": at_ms // 1000, "nanos": at_ms % 1000 * 1_000_000}


def _activity(heard: str, at_ms: int) -> bytes:
    kinds = speech_v2.StreamingRecognizeResponse.SpeechEventType
    kind = kinds.SPEECH_ACTIVITY_BEGIN if heard == "begin" else kinds.SPEECH_ACTIVITY_END
    return _serialized(
        speech_v2.StreamingRecognizeResponse(speech_event_type=kind, speech_event_offset=_offset(at_ms))
    )


def _final(text: str, at_ms: int) -> bytes:
    result = speech_v2.StreamingRecognitionResult(
        alternatives=[{"transcript": text}], is_final=True, result_end_offset=_offset(at_ms)
    )
    return _serialized(speech_v2.StreamingRecognizeResponse(results=[result]))


def _serialized(response: speech_v2.StreamingRecognizeResponse) -> bytes:
    serialized: bytes = speech_v2.StreamingRecognizeResponse.serialize(response)
    return serialized
