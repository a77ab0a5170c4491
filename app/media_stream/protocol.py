"""What may come when on one socket: the stream's state, fed messages, without I/O."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from enum import Enum, auto

from app.identifiers import is_call_sid
from app.limits.messages import MessageRate
from app.media_stream.messages import (
    SPOKEN_FORMAT,
    Connected,
    Dtmf,
    Inbound,
    Mark,
    Media,
    ProtocolError,
    Start,
    Stop,
    decode,
)


class State(Enum):
    WAITING = auto()
    """For `start`."""
    STREAMING = auto()
    STOPPED = auto()


class MediaStreamProtocol:
    """One socket's side of the conversation with Twilio."""

    def __init__(self, max_chunks_per_second: int = 100, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = State.WAITING
        self.rate = MessageRate(max_chunks_per_second)
        self._clock = clock
        self.call_sid = ""
        self.stream_sid = ""

    def receive(self, data: str | bytes) -> Inbound:
        """Take one message; return it if it fits here.

        Raises:
            ProtocolError: one of `decode`'s, or `media_before_start` (and `dtmf_`, `mark_`, `stop_`),
                `second_start`, `invalid_call_sid`, `invalid_stream_sid`, `unsupported_media_format`,
                `wrong_stream_sid`, `empty_payload`, `after_stop`; or `too_many_chunks`, `too_many_messages`.
                The stream goes on as it was, until `rate.flooded` says that it was too much.
        """
        try:
            message = decode(data)
        except ProtocolError:
            self.rate.other(self._clock())
            raise
        if type(message) is Media:
            if not self.rate.chunk(self._clock()):
                raise ProtocolError(
                    "too_many_chunks", f"more than {self.rate.chunks_per_second} media messages a second"
                )
        elif not self.rate.other(self._clock()):
            raise ProtocolError("too_many_messages", "more messages than a call has use for")
        match message:
            case Media() | Mark() | Dtmf() | Stop():
                self._check_place(message)
                if type(message) is Media and not message.media.payload:
                    raise ProtocolError("empty_payload", "a media message without audio")
                if type(message) is Stop:
                    self.state = State.STOPPED
            case Start():
                self._start(message)
            case Connected():
                pass
        return message

    def _check_place(self, message: Media | Mark | Dtmf | Stop) -> None:
        if self.state is State.WAITING:
            event = type(message).__name__.lower()
            raise ProtocolError(f"{event}_before_start", f"{event} came before start")
        if self.state is State.STOPPED:
            raise ProtocolError("after_stop", "the stream was stopped before")
        named = message.stream_sid
        if named and named != self.stream_sid and str(named) != self.stream_sid:
            raise ProtocolError(
                "wrong_stream_sid", f"it names stream {str(named)!r:.40}, this is {self.stream_sid}"
            )

    def _start(self, message: Start) -> None:
        if self.state is not State.WAITING:
            raise ProtocolError("second_start", "this stream has been started before")
        call_sid = str(message.start.call_sid)
        if not is_call_sid(call_sid):
            raise ProtocolError(
                "invalid_call_sid", f"start.callSid is {call_sid!r:.40}: up to 64 letters, digits"
            )
        # By hand there is none; what is sent back keeps its shape all the same.
        stream_sid = str(message.stream_sid or message.start.stream_sid or f"MZ{secrets.token_hex(16)}")
        if not is_call_sid(stream_sid):
            raise ProtocolError(
                "invalid_stream_sid", f"streamSid is {stream_sid!r:.40}: up to 64 letters, digits"
            )
        spoken = message.start.media_format
        if spoken != SPOKEN_FORMAT:
            raise ProtocolError(
                "unsupported_media_format",
                f"{spoken.encoding:.40} at {spoken.sample_rate} Hz with {spoken.channels} channel(s); "
                f"Offhook takes audio/x-mulaw at 8000 Hz with 1 channel",
            )
        self.state = State.STREAMING
        self.rate.start(self._clock())
        self.call_sid, self.stream_sid = call_sid, stream_sid
