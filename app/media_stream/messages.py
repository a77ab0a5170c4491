"""The wire, both ways: Twilio Media Streams messages as types. No I/O.

Twilio sends numbers as strings; people with wscat send numbers. Both are taken, as are fields that
are not named here: what a message lacks is an error, what it has too much of is not.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec

MAX_MESSAGE = 64 * 1024
"""Characters of one message. Twilio's own are about 350; what is larger is refused by name."""


class ProtocolError(Exception):
    """A message that cannot be used. `name` is stable (metrics, tests); the text says what is wrong."""

    def __init__(self, name: str, detail: str) -> None:
        self.name = name
        self.detail = detail
        super().__init__(f"{name}: {detail}")


class Connected(msgspec.Struct, tag_field="event", tag="connected"):
    """The socket speaks Media Streams. Always first from Twilio, never from wscat."""


class MediaFormat(msgspec.Struct, rename="camel"):
    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8000
    channels: int = 1


SPOKEN_FORMAT = MediaFormat("audio/x-mulaw", 8000, 1)
"""The one format of Media Streams."""

Name = str | int | None
"""A SID or a name, as people type it."""


class StartBody(msgspec.Struct, rename="camel"):
    call_sid: Name
    stream_sid: Name = None
    media_format: MediaFormat = msgspec.field(default_factory=MediaFormat)
    custom_parameters: dict[str, Any] | None = None


class Start(msgspec.Struct, tag_field="event", tag="start", rename="camel"):
    """Which call this is, and how its audio is coded."""

    start: StartBody
    stream_sid: Name = None


class MediaBody(msgspec.Struct):
    payload: bytes


class Media(msgspec.Struct, tag_field="event", tag="media", rename="camel"):
    """μ-law audio from the caller: 160 bytes, 20 ms, also in silence."""

    media: MediaBody
    stream_sid: Name = None


class DtmfBody(msgspec.Struct):
    digit: str | int


class Dtmf(msgspec.Struct, tag_field="event", tag="dtmf", rename="camel"):
    """The caller pressed a key."""

    dtmf: DtmfBody
    stream_sid: Name = None


class MarkBody(msgspec.Struct):
    name: str | int


class Mark(msgspec.Struct, tag_field="event", tag="mark", rename="camel"):
    """What was sent before this mark has been played, or was flushed by a clear."""

    mark: MarkBody
    stream_sid: Name = None


class Stop(msgspec.Struct, tag_field="event", tag="stop", rename="camel"):
    """The stream is over: the caller has hung up, or Twilio moves on."""

    stream_sid: Name = None


Inbound = Connected | Start | Media | Dtmf | Mark | Stop

# strict=False takes "20" for 20; msgspec decodes JSON and base64 in one pass (0.8 µs a media message).
_decoder: msgspec.json.Decoder[Inbound] = msgspec.json.Decoder(Inbound, strict=False)


class _Envelope(msgspec.Struct):
    event: Any = None


def decode(data: str | bytes) -> Inbound:
    """One text message as its type.

    Raises:
        ProtocolError: `binary_frame`, `message_too_large`, `invalid_json`, `unknown_event`,
            `invalid_base64` or `invalid_message`.
    """
    if not isinstance(data, str):
        raise ProtocolError("binary_frame", "Media Streams messages are JSON in text frames")
    if len(data) > MAX_MESSAGE:
        raise ProtocolError("message_too_large", f"{len(data)} characters, {MAX_MESSAGE} at most")
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _explain(data, error) from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ProtocolError("invalid_json", str(error)) from None
    except RecursionError:
        raise ProtocolError("invalid_json", "nested too deep") from None


def _explain(data: str, error: msgspec.ValidationError) -> ProtocolError:
    try:
        event = msgspec.json.decode(data, type=_Envelope).event
    except (msgspec.DecodeError, RecursionError):
        return ProtocolError("invalid_message", "not a JSON object with an event")
    known = ("connected", "start", "media", "dtmf", "mark", "stop")
    if event not in known:
        return ProtocolError("unknown_event", f"event is {event!r:.40}, not one of {', '.join(known)}")
    if "base64" in str(error):
        return ProtocolError("invalid_base64", str(error))
    return ProtocolError("invalid_message", f"{event}: {error}")


class Encoder:
    """Messages to Twilio for one stream. Exactly these fields: Twilio warns of any other (31951)."""

    def __init__(self, stream_sid: str) -> None:
        sid = msgspec.json.encode(stream_sid).decode()
        self._media = f'{{"event":"media","streamSid":{sid},"media":{{"payload":"'
        self._mark = f'{{"event":"mark","streamSid":{sid},"mark":{{"name":'
        self._clear = f'{{"event":"clear","streamSid":{sid}}}'

    def media(self, payload: bytes) -> str:
        """μ-law audio of any length, to be played after what was sent before."""
        return f'{self._media}{b64encode(payload).decode("ascii")}"}}}}'

    def mark(self, name: str) -> str:
        """Asks to be told when everything sent so far has been played."""
        return f"{self._mark}{msgspec.json.encode(name).decode()}}}}}"

    def clear(self) -> str:
        """Drops all audio that has not been played."""
        return self._clear
