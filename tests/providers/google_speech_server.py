"""Google's streaming recogniser on loopback, v1 and v2: it hears words that `Speech` has put into audio.

Each millisecond of a word is eight loud bytes that say which word it is and how far into it, so a stream
recognises what it is sent, from wherever it begins: a word heard whole is itself, a part of one is "~word".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
import grpc.aio
from google.cloud import speech_v1, speech_v2
from google.protobuf.duration_pb2 import Duration

SILENCE = b"\xff" * 8
ENDPOINT_MS = 400
"""Silence that makes words final."""


class Speech:
    """Audio with words in it, and the words."""

    def __init__(self) -> None:
        self.audio = bytearray()
        self.words: list[str] = []
        self.ends_ms: list[int] = []

    def silence(self, ms: int) -> Speech:
        self.audio += SILENCE * ms
        return self

    def word(self, word: str, ms: int = 300) -> Speech:
        number = len(self.words)
        for at in range(ms):
            code = number << 24 | ms << 12 | at
            # 0x00–0x0f are the loudest values of μ-law.
            self.audio += bytes(code >> shift & 0xF for shift in range(36, -4, -4))[2:]
        self.words.append(word)
        self.ends_ms.append(len(self.audio) // 8)
        return self

    def sentence(self, text: str, pause_ms: int = 600) -> Speech:
        for word in text.split():
            self.word(word)
        return self.silence(pause_ms)


@dataclass
class Script:
    """What a stream does besides recognising."""

    abort_at_ms: int | None = None
    """After so much audio."""
    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    details: str = "injected"
    inside: bool = False
    """v1 only: as an error in a response."""
    quiet_from_ms: int | None = None
    late_seconds: float = 0.0
    end_offset_ms: int = 0
    """Added to the end of finals, as long as it is silent there."""
    closes_at_ms: int | None = None
    words: bool = True


@dataclass
class Spoken:
    word: str
    start_ms: int
    end_ms: int


@dataclass
class Ear:
    """One stream's recogniser. Offsets are milliseconds of its own audio."""

    vocabulary: list[str]
    heard_ms: int = 0
    voice: bool = False
    quiet_ms: int = 0
    open: list[Spoken] = field(default_factory=list)
    part: list[tuple[int, int, int]] = field(default_factory=list)
    rest: bytes = b""

    def hear(self, audio: bytes) -> Iterator[tuple[str, Any]]:
        audio = self.rest + audio
        whole = len(audio) // 8 * 8
        self.rest = audio[whole:]
        # Lines are silent most of the time: many calls share this process.
        if not self.voice and not self.open and audio[:whole] == SILENCE * (whole // 8):
            self._close_part()
            self.heard_ms += whole // 8
            self.quiet_ms += whole // 8
            return
        for at in range(0, whole, 8):
            yield from self._millisecond(audio[at : at + 8])

    def finish(self) -> Iterator[tuple[str, Any]]:
        self._close_part()
        yield from self._final()

    def _millisecond(self, sound: bytes) -> Iterator[tuple[str, Any]]:
        self.heard_ms += 1
        if sound == SILENCE:
            self._close_part()
            self.quiet_ms += 1
            if self.voice and self.quiet_ms == ENDPOINT_MS:
                self.voice = False
                yield "end", self.heard_ms
                yield from self._final()
            return
        self.quiet_ms = 0
        if not self.voice:
            self.voice = True
            yield "begin", self.heard_ms - 1
        code = int.from_bytes(bytes(a << 4 | b for a, b in zip(sound[::2], sound[1::2], strict=True)), "big")
        number, length, at = code >> 24, code >> 12 & 0xFFF, code & 0xFFF
        if self.part and self.part[-1][0] != number:
            self._close_part()
        self.part.append((number, length, at))
        if at == length - 1:
            self._close_part()
            yield "interim", list(self.open)

    def _close_part(self) -> None:
        if not self.part:
            return
        number, length, _ = self.part[0]
        is_whole = [at for _, _, at in self.part] == list(range(length))
        word = self.vocabulary[number]
        start = self.heard_ms - len(self.part) - self.quiet_ms
        self.open.append(Spoken(word if is_whole else f"~{word}", start, start + len(self.part)))
        self.part = []

    def _final(self) -> Iterator[tuple[str, Any]]:
        if self.open:
            yield "final", list(self.open)
            self.open = []


class Listener(Protocol):
    """One stream's recogniser: it hears audio and tells of voices and words."""

    @property
    def heard_ms(self) -> int: ...

    def hear(self, audio: bytes) -> Iterator[tuple[str, Any]]: ...

    def finish(self) -> Iterator[tuple[str, Any]]: ...


class SpeechServer:
    """Serves both versions. `scripts(n)` says what the n-th stream does; `ear` makes its recogniser, one for
    `Speech` if there is none."""

    def __init__(
        self,
        vocabulary: list[str],
        scripts: Callable[[int], Script] = lambda n: Script(),
        ear: Callable[[], Listener] | None = None,
    ) -> None:
        self.scripts = scripts
        self.ear = ear or (lambda: Ear(vocabulary))
        self.configs: list[Any] = []
        self.sizes: set[int] = set()
        self.active = 0
        self.most_active = 0
        self.half_closed = 0
        self.address = ""

    @asynccontextmanager
    async def serving(self, streams: int = 100) -> AsyncIterator[SpeechServer]:
        server = grpc.aio.server(options=[("grpc.max_concurrent_streams", streams)])
        for version in (1, 2):
            module: Any = speech_v1 if version == 1 else speech_v2
            handler = grpc.stream_stream_rpc_method_handler(
                self._handler(version),
                request_deserializer=module.StreamingRecognizeRequest.deserialize,
                response_serializer=module.StreamingRecognizeResponse.serialize,
            )
            name = f"google.cloud.speech.v{version}.Speech"
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(name, {"StreamingRecognize": handler}),)
            )
        port = server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        await server.start()
        try:
            yield self
        finally:
            await server.stop(None)

    def _handler(self, version: int) -> Callable[[Any, Any], AsyncIterator[Any]]:
        async def recognise(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
            self.active += 1
            self.most_active = max(self.active, self.most_active)
            try:
                async for response in self._recognise(version, requests, context):
                    yield response
            finally:
                self.active -= 1

        return recognise

    async def _recognise(
        self, version: int, requests: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        script = self.scripts(len(self.configs))
        first = await anext(aiter(requests))
        self.configs.append(first)
        assert not (first.audio_content if version == 1 else first.audio)
        ear = self.ear()
        respond = _respond_v1 if version == 1 else _respond_v2
        if script.abort_at_ms == 0:
            await context.abort(script.code, script.details)
        async for request in requests:
            audio = request.audio_content if version == 1 else request.audio
            self.sizes.add(len(audio))
            for what, value in ear.hear(audio):
                if script.quiet_from_ms is not None and ear.heard_ms >= script.quiet_from_ms:
                    continue
                if script.late_seconds:
                    await asyncio.sleep(script.late_seconds)
                yield respond(what, value, script)
            if script.abort_at_ms is not None and ear.heard_ms >= script.abort_at_ms:
                if script.inside:
                    error = {"code": script.code.value[0], "message": script.details}
                    yield speech_v1.StreamingRecognizeResponse(error=error)
                    return
                await context.abort(script.code, script.details)
            if script.closes_at_ms is not None and ear.heard_ms >= script.closes_at_ms:
                return
        self.half_closed += 1
        for what, value in ear.finish():
            if script.quiet_from_ms is None:
                yield respond(what, value, script)
        if script.quiet_from_ms is not None:
            await asyncio.Event().wait()


def _duration(ms: int) -> Duration:
    return Duration(seconds=ms // 1000, nanos=ms % 1000 * 1_000_000)


def _respond_v1(what: str, value: Any, script: Script) -> Any:
    if what in ("begin", "end"):
        kinds = speech_v1.StreamingRecognizeResponse.SpeechEventType
        kind = kinds.SPEECH_ACTIVITY_BEGIN if what == "begin" else kinds.SPEECH_ACTIVITY_END
        return speech_v1.StreamingRecognizeResponse(
            speech_event_type=kind, speech_event_time=_duration(value)
        )
    alternative = speech_v1.SpeechRecognitionAlternative(transcript=" ".join(s.word for s in value))
    if what == "final":
        alternative.confidence = 0.9
        if script.words:
            alternative.words = [
                speech_v1.WordInfo(
                    word=s.word,
                    start_time=_duration(s.start_ms),
                    end_time=_duration(s.end_ms),
                    confidence=0.8,
                )
                for s in value
            ]
    result = speech_v1.StreamingRecognitionResult(
        alternatives=[alternative],
        is_final=what == "final",
        result_end_time=_duration(value[-1].end_ms + script.end_offset_ms),
    )
    return speech_v1.StreamingRecognizeResponse(results=[result])


def _respond_v2(what: str, value: Any, script: Script) -> Any:
    if what in ("begin", "end"):
        kinds = speech_v2.StreamingRecognizeResponse.SpeechEventType
        kind = kinds.SPEECH_ACTIVITY_BEGIN if what == "begin" else kinds.SPEECH_ACTIVITY_END
        return speech_v2.StreamingRecognizeResponse(
            speech_event_type=kind, speech_event_offset=_duration(value)
        )
    alternative = speech_v2.SpeechRecognitionAlternative(transcript=" ".join(s.word for s in value))
    if what == "final":
        if script.words:
            alternative.words = [
                speech_v2.WordInfo(
                    word=s.word,
                    start_offset=_duration(s.start_ms),
                    end_offset=_duration(s.end_ms),
                    confidence=0.8,
                )
                for s in value
            ]
        else:
            alternative.confidence = 0.9
    result = speech_v2.StreamingRecognitionResult(
        alternatives=[alternative],
        is_final=what == "final",
        result_end_offset=_duration(value[-1].end_ms + script.end_offset_ms),
    )
    return speech_v2.StreamingRecognizeResponse(results=[result])
