"""Twilio's end of a media stream, message by message: builds its own, judges the server's. No I/O."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import msgspec

from app.simulator.violations import ViolationError

FRAME_MS = 20
FRAME_BYTES = 160
"""20 ms of 8 kHz μ-law: what Twilio puts into each media message."""
SILENT_FRAME = b"\xff" * FRAME_BYTES

INVALID_MESSAGE = 31950
"""Binary, or not JSON."""
INVALID_PROTOCOL = 31951
"""JSON, but not a message: unknown event, missing or extra field, another stream's SID."""


class _MediaBody(msgspec.Struct, forbid_unknown_fields=True):
    payload: bytes


class _MarkBody(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class _Message(msgspec.Struct, tag_field="event", rename="camel", forbid_unknown_fields=True):
    stream_sid: str


class Media(_Message, tag="media"):
    """Audio to play after what is buffered."""

    media: _MediaBody


class Mark(_Message, tag="mark"):
    """Wants to come back once the audio before it has been played."""

    mark: _MarkBody


class Clear(_Message, tag="clear"):
    """Drops what is buffered."""


ServerMessage = Media | Mark | Clear

_decoder: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)


class Wire:
    """One stream. Messages must be sent in the order in which they are built: one counter runs over all."""

    def __init__(
        self, account_sid: str, call_sid: str, stream_sid: str, parameters: Mapping[str, str]
    ) -> None:
        self.stream_sid = stream_sid
        self._account_sid = account_sid
        self._call_sid = call_sid
        self._parameters = dict(parameters)
        self._sequence = 0
        self._chunk = 0

    def connected(self) -> str:
        return _encode({"event": "connected", "protocol": "Call", "version": "1.0.0"})

    def start(self) -> str:
        body = {
            "accountSid": self._account_sid,
            "streamSid": self.stream_sid,
            "callSid": self._call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": self._parameters,
        }
        return self._message("start", body)

    def media(self, frame: bytes) -> str:
        """The caller's next 20 ms."""
        self._chunk += 1
        body = {
            "track": "inbound",
            "chunk": str(self._chunk),
            "timestamp": str((self._chunk - 1) * FRAME_MS),
            "payload": b64encode(frame).decode(),
        }
        return self._message("media", body)

    def dtmf(self, digit: str) -> str:
        return self._message("dtmf", {"track": "inbound_track", "digit": digit})

    def mark(self, name: str) -> str:
        return self._message("mark", {"name": name})

    def stop(self) -> str:
        return self._message("stop", {"accountSid": self._account_sid, "callSid": self._call_sid})

    def _message(self, event: str, body: Mapping[str, object]) -> str:
        self._sequence += 1
        return _encode(
            {
                "event": event,
                "sequenceNumber": str(self._sequence),
                event: body,
                "streamSid": self.stream_sid,
            }
        )

    def receive(self, message: str | bytes) -> ServerMessage:
        """What the server wants.

        Raises:
            ViolationError: 31950 or 31951, saying what is wrong. Twilio ignores such a message.
        """
        if not isinstance(message, str):
            raise ViolationError(INVALID_MESSAGE, f"a binary message of {len(message)} bytes")
        try:
            received = _decoder.decode(message)
        except msgspec.ValidationError as error:
            raise ViolationError(INVALID_PROTOCOL, f"{error}: {message:.120}") from None
        except msgspec.DecodeError as error:
            raise ViolationError(INVALID_MESSAGE, f"not JSON ({error}): {message:.120}") from None
        if received.stream_sid != self.stream_sid:
            raise ViolationError(
                INVALID_PROTOCOL, f"streamSid is {received.stream_sid!r:.60}, not {self.stream_sid!r}"
            )
        if isinstance(received, Media) and not received.media.payload:
            raise ViolationError(INVALID_PROTOCOL, "a media message without audio")
        if isinstance(received, Mark) and not received.mark.name:
            raise ViolationError(INVALID_PROTOCOL, "a mark without a name")
        return received


def _encode(message: Mapping[str, object]) -> str:
    return msgspec.json.encode(message).decode()
