"""Twilio's end of the wire: what it sends and what it takes."""

from __future__ import annotations

from base64 import b64encode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.media_stream.messages import Encoder
from app.simulator.violations import ViolationError
from app.simulator.wire import SILENT_FRAME, Clear, Mark, Media, Wire

SID = "MZ" + "0" * 32


def wire() -> Wire:
    return Wire("AC1", "CA1", SID, {"token": "abc"})


def test_one_counter_runs_over_all_messages_after_connected() -> None:
    line = wire()
    sent = [
        line.connected(),
        line.start(),
        line.media(SILENT_FRAME),
        line.dtmf("1"),
        line.mark("m"),
        line.stop(),
    ]
    numbers = [msgspec.json.decode(message).get("sequenceNumber") for message in sent]
    assert numbers == [None, "1", "2", "3", "4", "5"]


def test_start_names_the_call_and_its_parameters() -> None:
    assert msgspec.json.decode(wire().start()) == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": SID,
        "start": {
            "accountSid": "AC1",
            "streamSid": SID,
            "callSid": "CA1",
            "tracks": ["inbound"],
            "customParameters": {"token": "abc"},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        },
    }


def test_numbers_in_media_are_strings() -> None:
    line = wire()
    line.media(SILENT_FRAME)
    assert msgspec.json.decode(line.media(SILENT_FRAME))["media"] == {
        "track": "inbound",
        "chunk": "2",
        "timestamp": "20",
        "payload": b64encode(SILENT_FRAME).decode(),
    }


@given(st.binary(min_size=1, max_size=2000), st.text(min_size=1, max_size=50))
def test_what_the_server_encodes_is_taken(payload: bytes, name: str) -> None:
    encoder = Encoder(SID)
    line = wire()
    media, mark = line.receive(encoder.media(payload)), line.receive(encoder.mark(name))
    assert isinstance(media, Media)
    assert media.media.payload == payload
    assert isinstance(mark, Mark)
    assert mark.mark.name == name
    assert isinstance(line.receive(encoder.clear()), Clear)


@pytest.mark.parametrize(
    ("message", "code", "detail"),
    [
        (b"{}", 31950, "binary"),
        ("", 31950, "not JSON"),
        ("{", 31950, "not JSON"),
        ("[]", 31951, "object"),
        ("{}", 31951, "event"),
        ('{"event":"stop","streamSid":"$"}', 31951, "stop"),
        ('{"event":"media","streamSid":"$"}', 31951, "media"),
        ('{"event":"media","media":{"payload":"/w=="}}', 31951, "streamSid"),
        ('{"event":"media","streamSid":"MZ1","media":{"payload":"/w=="}}', 31951, "streamSid"),
        ('{"event":"media","streamSid":"$","media":{"payload":"/w"}}', 31951, "base64"),
        ('{"event":"media","streamSid":"$","media":{"payload":""}}', 31951, "without audio"),
        ('{"event":"media","streamSid":"$","media":{"payload":"/w==","chunk":"1"}}', 31951, "chunk"),
        (
            '{"event":"media","streamSid":"$","sequenceNumber":"1","media":{"payload":"/w=="}}',
            31951,
            "sequence",
        ),
        ('{"event":"mark","streamSid":"$","mark":{"name":1}}', 31951, "str"),
        ('{"event":"mark","streamSid":"$","mark":{"name":""}}', 31951, "without a name"),
        ('{"event":"clear","streamSid":"$","mark":{"name":"m"}}', 31951, "mark"),
    ],
)
def test_what_twilio_would_warn_about_is_refused_by_its_number(
    message: str | bytes, code: int, detail: str
) -> None:
    if isinstance(message, str):
        message = message.replace("$", SID)
    with pytest.raises(ViolationError, match=detail) as raised:
        wire().receive(message)
    assert raised.value.violation.code == code


@given(st.text())
def test_any_text_is_taken_or_refused_by_name(message: str) -> None:
    with pytest.raises(ViolationError):
        wire().receive(message)
