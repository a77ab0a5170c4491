from __future__ import annotations

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.media_stream.messages import (
    MAX_MESSAGE,
    Connected,
    Dtmf,
    Encoder,
    Mark,
    Media,
    ProtocolError,
    Start,
    Stop,
    decode,
)

START = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": "MZ1",
    "start": {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "customParameters": {"token": "t"},
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    },
}


def refusal(data: str | bytes) -> str:
    with pytest.raises(ProtocolError) as caught:
        decode(data)
    return caught.value.name


def test_connected_is_recognised() -> None:
    assert isinstance(decode('{"event":"connected","protocol":"Call","version":"1.0.0"}'), Connected)


def test_start_names_call_stream_parameters_and_format() -> None:
    start = decode(json.dumps(START))
    assert isinstance(start, Start)
    assert (start.start.call_sid, start.stream_sid) == ("CA1", "MZ1")
    assert start.start.custom_parameters == {"token": "t"}
    assert start.start.media_format.sample_rate == 8000


def test_a_start_typed_by_hand_is_taken() -> None:
    start = decode(
        '{"event": "start", "start": {"callSid": "CA123", "customParameters": {"userId": "user1"}}}'
    )
    assert isinstance(start, Start)
    assert start.start.call_sid == "CA123"
    assert start.start.media_format.encoding == "audio/x-mulaw"


def test_media_payload_is_decoded_to_bytes() -> None:
    media = decode(
        '{"event":"media","sequenceNumber":"3","streamSid":"MZ1",'
        '"media":{"track":"inbound","chunk":"2","timestamp":"5","payload":"/38A"}}'
    )
    assert isinstance(media, Media)
    assert media.media.payload == b"\xff\x7f\x00"


def test_numbers_are_taken_where_twilio_sends_strings() -> None:
    media = decode('{"event":"media","sequenceNumber":3,"media":{"chunk":2,"timestamp":5,"payload":"/w=="}}')
    assert isinstance(media, Media)
    dtmf = decode('{"event":"dtmf","dtmf":{"digit":5}}')
    assert isinstance(dtmf, Dtmf)
    mark = decode('{"event":"mark","mark":{"name":7}}')
    assert isinstance(mark, Mark)


def test_stop_needs_no_body() -> None:
    assert isinstance(decode('{"event":"stop"}'), Stop)


def test_fields_nobody_asked_for_are_ignored() -> None:
    assert isinstance(decode('{"event":"stop","surprise":{"deep":[1,2,3]}}'), Stop)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x00\x01", "binary_frame"),
        (b'{"event":"stop"}', "binary_frame"),
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("hello", "invalid_json"),
        ('{"event":"stop","x":' + "[" * 30000, "invalid_json"),
        ('{"event":' + "[" * 30000, "invalid_json"),
        ("[]", "invalid_message"),
        ("null", "invalid_message"),
        ('{"event":"dance"}', "unknown_event"),
        ('{"event":null}', "unknown_event"),
        ('{"media":{"payload":"/w=="}}', "unknown_event"),
        ('{"event":"media"}', "invalid_message"),
        ('{"event":"media","media":{}}', "invalid_message"),
        ('{"event":"media","media":{"payload":5}}', "invalid_message"),
        ('{"event":"media","media":{"payload":"not base64!"}}', "invalid_base64"),
        ('{"event":"media","media":{"payload":"/w"}}', "invalid_base64"),
        ('{"event":"start"}', "invalid_message"),
        ('{"event":"start","start":{}}', "invalid_message"),
        ('{"event":"start","start":{"callSid":[]}}', "invalid_message"),
        ('{"event":"mark","mark":{}}', "invalid_message"),
        ('{"event":"dtmf","dtmf":{"digit":[]}}', "invalid_message"),
        ('{"event":"stop"}' + " " * MAX_MESSAGE, "message_too_large"),
        ('{"event":"stop","x":"\ud800"}', "invalid_json"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(data: str | bytes, name: str) -> None:
    assert refusal(data) == name


@given(
    st.one_of(
        st.text(), st.binary(), st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps)
    )
)
def test_decode_returns_a_message_or_raises_a_protocol_error(data: str | bytes) -> None:
    with contextlib.suppress(ProtocolError):
        decode(data)


@given(st.binary(min_size=1, max_size=4000), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_what_is_encoded_says_what_was_meant(payload: bytes, name: str) -> None:
    encoder = Encoder("MZ1")
    media = json.loads(encoder.media(payload))
    assert media == {
        "event": "media",
        "streamSid": "MZ1",
        "media": {"payload": base64.b64encode(payload).decode()},
    }
    assert json.loads(encoder.mark(name)) == {"event": "mark", "streamSid": "MZ1", "mark": {"name": name}}
    assert json.loads(encoder.clear()) == {"event": "clear", "streamSid": "MZ1"}


def test_a_stream_sid_with_quotes_stays_one_string() -> None:
    assert json.loads(Encoder('M"Z\\').clear())["streamSid"] == 'M"Z\\'
