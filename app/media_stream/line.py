"""TwilioLine: one media stream as a line to talk on. Everything that happens to a message is in here."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from app import metrics
from app.media_stream.audio import Pieces
from app.media_stream.connection import MediaStreamConnection
from app.media_stream.messages import Dtmf, Encoder, Mark, Media, ProtocolError, Stop
from app.media_stream.playback import Playback
from app.media_stream.protocol import MediaStreamProtocol

log = logging.getLogger(__name__)

MARK_MARGIN_SECONDS = 2.0
"""How long after its expected end an utterance counts as heard although its mark has not come back. Marks are
hardly ever lost; where a network or a busy machine holds audio back, less than that would cut a goodbye."""

MAX_OUTBOX = 4096
"""Messages that may wait for the socket. At two a piece of 100 ms or more that is over three minutes of
speech, several MB: a caller who is not there to hear it."""

ERRORS_LOGGED = 3
"""Protocol errors of one name that a call may write to the log; all are counted."""


class TwilioLine:
    """Implements `conversation.line.Line` over Twilio's messages.

    Messages to send wait in `outbox`; `send_all` is the socket's only writer.
    """

    def __init__(self, connection: MediaStreamConnection, protocol: MediaStreamProtocol) -> None:
        self.call_sid = connection.call_sid
        self.connection = connection
        self._protocol = protocol
        self._encoder = Encoder(protocol.stream_sid)
        self._playback = Playback()
        self._pieces = Pieces()
        self._outbox: deque[str] = deque()
        self._has_mail = asyncio.Event()
        self._progress = asyncio.Event()
        self._on_heard: Callable[[], None] | None = None

    # What comes in

    def receive(self, data: str | bytes) -> None:
        """Take one message: the whole per-frame path. What cannot be used is counted and skipped."""
        try:
            message = self._protocol.receive(data)
        except ProtocolError as error:
            if self.connection.count_protocol_error(error.name) <= ERRORS_LOGGED:
                log.warning("call %s: skipped a message: %s", self.call_sid, error)
            if self._protocol.rate.flooded:
                self.connection.close("flooded")
            return
        match message:
            case Media():
                self.connection.add_audio_chunk(message.media.payload)
            case Mark():
                if self._playback.mark(str(message.mark.name), time.monotonic()):
                    self._progress.set()
                    if self._on_heard:
                        self._on_heard()
            case Dtmf():
                self.connection.emit("dtmf", str(message.dtmf.digit))
            case Stop():
                self.connection.close("caller_hung_up")

    # What goes out

    async def send_all(self, send: Callable[[str], Awaitable[None]]) -> None:
        """Write the outbox to the socket for as long as the call lasts."""
        while True:
            await self._has_mail.wait()
            while self._outbox:
                await send(self._outbox.popleft())
            self._has_mail.clear()

    def _post(self, message: str) -> None:
        if len(self._outbox) >= MAX_OUTBOX:
            if not self.connection.ended.done():
                log.warning("call %s: nobody takes what is said; the stream is cut off", self.call_sid)
                self.connection.close("connection_lost")
            return
        self._outbox.append(message)
        self._has_mail.set()

    def listen(
        self, on_audio: Callable[[bytes], None], on_heard: Callable[[], None], on_key: Callable[[str], None]
    ) -> None:
        self.connection.on("audio_chunk", on_audio)
        self.connection.on("dtmf", on_key)
        self._on_heard = on_heard

    @property
    def epoch(self) -> int:
        return self._playback.epoch

    def now_ms(self) -> int:
        return self.connection.now_ms()

    def begin_clause(self, text: str, epoch: int) -> None:
        if epoch == self.epoch:
            self._playback.begin_clause(text)

    def play(self, audio: bytes, epoch: int) -> None:
        if epoch == self.epoch:
            self._send(self._pieces.feed(audio))

    def end_clause(self, epoch: int, *, whole: bool = True) -> None:
        if epoch == self.epoch:
            self._send(self._pieces.flush())
            if whole:
                self._playback.end_clause()

    def _send(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            self._post(self._encoder.media(piece))
            self._post(self._encoder.mark(self._playback.sent(piece, time.monotonic())))
            metrics.AUDIO_BYTES_OUT.inc(len(piece))

    def remaining_seconds(self) -> float:
        return self._playback.remaining_ms(time.monotonic()) / 1000

    def heard(self) -> str:
        return self._playback.heard(time.monotonic())

    def unheard(self) -> str:
        return self._playback.unheard(time.monotonic())

    def settle(self) -> None:
        self._playback.settle()

    def clear(self) -> None:
        self._outbox.clear()
        self._pieces = Pieces()
        self._playback.clear()
        self._post(self._encoder.clear())

    async def heard_out(self) -> None:
        while self._playback.marks_pending:
            self._progress.clear()
            patience = self._playback.remaining_ms(time.monotonic()) / 1000 + MARK_MARGIN_SECONDS
            try:
                async with asyncio.timeout(patience):
                    await self._progress.wait()
            except TimeoutError:
                return
