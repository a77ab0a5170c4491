"""The callers of benchmarks/turns.py: many media streams in one process, at the cost of what they send.

A caller is the simulator's phone behind a WebSocket that does no more than it must: one clock for all of
them, messages put together from pieces, masks of zeros (RFC 6455, 5.3 asks for a mask, not for a good one).
"""

from __future__ import annotations

import asyncio
import base64
import random
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urljoin, urlsplit

import numpy as np
from turn_providers import GOODBYE, audio_of, turn_of

from app.simulator import twiml
from app.simulator.audio import audioop
from app.simulator.phone import Phone
from app.simulator.webhooks import Webhooks, new_sid
from app.simulator.wire import FRAME_BYTES, Clear, Mark, Media, Wire

GROUPS = 10
"""Parts of 20 ms; the callers' frames are spread over them."""
LISTENS = 25
"""Frames of silence after which a caller takes the server to have finished, 0.5 s."""
GIVES_UP = 500
"""Frames of silence after which a caller who waits for an answer goes on, 10 s."""
GAP_SECONDS = 2.0
"""Silence from us while we owe an answer that is a defect."""
LAST_WORD = audio_of(GOODBYE)
NOISE_RMS = 10
MOST_SECONDS = 300


@dataclass(slots=True)
class Outcome:
    """What a caller saw of a call."""

    call_sid: str
    voice_ended: list[float] = field(default_factory=list)
    """When the last frame of each utterance with a voice in it was sent."""
    first_frames: dict[str, float] = field(default_factory=dict)
    """When each turn's answer arrived."""
    first_marks: list[float] = field(default_factory=list)
    """When the first mark of each answer was sent back."""
    unanswered: int = 0
    goodbye_heard: bool = False
    hung_up: bool = False
    """By the server, and its next document says so."""
    error: str = ""


class Caller(asyncio.Protocol):
    """One call's socket."""

    def __init__(
        self, wire: Wire, path: str, host: str, speech: Speech, turns: int, outcome: Outcome
    ) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wire = wire
        self._path, self._host = path, host
        self._speech = speech
        self._left = turns
        self._outcome = outcome
        self.phone = Phone()
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None
        self._talking = False
        self._saying = 0
        """The next frame of what is said; 0 while nothing is."""
        self._heard = False
        self._quiet = 0
        self._marked = True
        self._frames = 0
        self._sequence = 1
        self._noise = random.randrange(len(speech.noise))

    # The socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._talking = False
        if not self.over.done():
            self.over.set_result(None)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._received += data
        if not self._talking:
            head, blank, rest = self._received.partition(b"\r\n\r\n")
            if not blank:
                return
            assert head.startswith(b"HTTP/1.1 101"), bytes(head)
            self._received = rest
            self._talking = True
            self._send(self._wire.connected())
            self._send(self._wire.start())
        while (message := self._next_message()) is not None:
            self._obey(message, now)

    def _next_message(self) -> str | None:
        while frame := self._next_frame():
            opcode, payload = frame
            match opcode:
                case 1:
                    return payload.decode()
                case 8:
                    self._write(8, payload[:2])
                    assert self._transport is not None
                    self._transport.close()
                    self._talking = False
                case 9:
                    self._write(10, payload)
        return None

    def _next_frame(self) -> tuple[int, bytes] | None:
        received = self._received
        if len(received) < 2:
            return None
        opcode, length, at = received[0] & 0xF, received[1], 2
        if length == 126:
            length, at = int.from_bytes(received[2:4], "big"), 4
        if len(received) < at + length:
            return None
        payload = bytes(received[at : at + length])
        del received[: at + length]
        return opcode, payload

    def _write(self, opcode: int, payload: bytes) -> None:
        assert self._transport is not None
        length = len(payload)
        size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2, "big")
        self._transport.write(bytes([0x80 | opcode]) + size + b"\0\0\0\0" + payload)

    def _send(self, message: str) -> None:
        self._write(1, message.encode())

    # The phone

    def _obey(self, message: str, now: float) -> None:
        match self._wire.receive(message):
            case Media(media=media):
                if turn := turn_of(media.payload[:20].decode("ascii", "replace")):
                    self._outcome.first_frames.setdefault(turn, now)
                self.phone.play(media.payload)
            case Mark(mark=mark):
                self._return(self.phone.mark(mark.name))
            case Clear():
                self._return(self.phone.clear())

    def _return(self, names: list[str]) -> None:
        for name in names:
            self._sequence += 1
            self._send(
                f'{{"event":"mark","sequenceNumber":"{self._sequence}","mark":{{"name":"{name}"}},'
                f'"streamSid":"{self._wire.stream_sid}"}}'
            )
            if not self._marked:
                self._marked = True
                self._outcome.first_marks.append(time.monotonic())

    def tick(self) -> None:
        """20 ms."""
        if not self._talking:
            return
        quiet = not self.phone.buffered
        self._return(self.phone.tick())
        self._heard |= not quiet
        self._quiet = self._quiet + 1 if quiet else 0
        waited = GIVES_UP if not self._heard else LISTENS
        if not self._saying and self._left and self._quiet >= waited:
            self._outcome.unanswered += not self._heard
            self._left -= 1
            self._saying = 1
        payload = self._speech.noise[(self._noise + self._frames) % len(self._speech.noise)]
        ended = False
        if self._saying:
            payload = self._speech.frames[self._saying - 1]
            ended = self._saying == self._speech.voiced
            self._saying = (self._saying + 1) % (len(self._speech.frames) + 1)
            self._heard, self._quiet = False, 0
        self._frames += 1
        self._sequence += 1
        self._send(
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"inbound",'
            f'"chunk":"{self._frames}","timestamp":"{(self._frames - 1) * 20}","payload":"{payload}"}},'
            f'"streamSid":"{self._wire.stream_sid}"}}'
        )
        if ended:
            self._outcome.voice_ended.append(time.monotonic())
            self._marked = False


@dataclass(frozen=True, slots=True)
class Speech:
    """What every caller says, as the payloads of its frames."""

    frames: list[str]
    voiced: int
    """The frames up to the end of the voice."""
    noise: list[str]

    @classmethod
    def of(cls, recording: bytes, voice_ends_ms: int) -> Speech:
        """From a recording, and a line that is never quite silent."""
        rng = np.random.default_rng(1)
        hiss = audioop.lin2ulaw((rng.normal(0, NOISE_RMS, 8000)).astype("<i2").tobytes(), 2)
        return cls(_payloads(recording[: voice_ends_ms * 8]), voice_ends_ms // 20, _payloads(hiss))


def _payloads(audio: bytes) -> list[str]:
    return [
        base64.b64encode(audio[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff")).decode()
        for at in range(0, len(audio), FRAME_BYTES)
    ]


class Callers:
    """All callers of a process, and their one clock."""

    def __init__(self, base_url: str, webhooks: Webhooks, speech: Speech, turns: int) -> None:
        self._base_url = base_url
        self._webhooks = webhooks
        self._speech = speech
        self._turns = turns
        self._groups: list[set[Caller]] = [set() for _ in range(GROUPS)]
        self.late: list[float] = []
        """Seconds by which each beat was late."""

    async def beat(self) -> None:
        """Move all callers on, for ever."""
        begun, count = time.monotonic(), 0
        while True:
            wait = begun + count * 0.02 / GROUPS - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            self.late.append(time.monotonic() - begun - count * 0.02 / GROUPS)
            for caller in list(self._groups[count % GROUPS]):
                caller.tick()
            count += 1

    async def call(self) -> Outcome:
        """One call, from its webhook to its end."""
        outcome = Outcome(new_sid("CA"))
        try:
            await self._call(outcome)
        except Exception as error:
            outcome.error = f"{type(error).__name__}: {error}"
        return outcome

    async def _call(self, outcome: Outcome) -> None:
        url = f"{self._base_url}/voice/incoming"
        form = {"CallSid": outcome.call_sid, "AccountSid": new_sid("AC"), "From": "+15005550006"}
        form |= {"To": "+15005550001", "CallStatus": "ringing", "Direction": "inbound"}
        (connect,) = [v for v in await self._webhooks.fetch_twiml(url, form) if isinstance(v, twiml.Connect)]
        target = urlsplit(connect.stream.url)
        wire = Wire(form["AccountSid"], outcome.call_sid, new_sid("MZ"), connect.stream.parameters)

        def caller() -> Caller:
            return Caller(wire, target.path, target.netloc, self._speech, self._turns, outcome)

        _, line = await asyncio.get_running_loop().create_connection(caller, target.hostname, target.port)
        group = min(self._groups, key=len)
        group.add(line)
        try:
            async with asyncio.timeout(MOST_SECONDS):
                await line.over
        finally:
            group.discard(line)
        heard = bytes(line.phone.heard)
        outcome.goodbye_heard = heard.rstrip(b"\xff").endswith(LAST_WORD) and not line.phone.buffered
        after = {**form, "CallStatus": "in-progress"}
        verbs = await self._webhooks.fetch_twiml(urljoin(url, connect.action or ""), after)
        outcome.hung_up = isinstance(verbs[0], twiml.Hangup)
        await self._webhooks.request(
            f"{self._base_url}/voice/status", {**form, "CallStatus": "completed", "CallDuration": "1"}
        )
