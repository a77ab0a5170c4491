from __future__ import annotations

import json
from typing import Any

import pytest

from app.media_stream.messages import Media, ProtocolError, Start, Stop
from app.media_stream.protocol import MediaStreamProtocol, State

MEDIA = '{"event":"media","media":{"payload":"/w=="}}'


def start(**fields: Any) -> str:
    return json.dumps({"event": "start", "start": {"callSid": "CA1", **fields}})


def started(stream_sid: str = "MZ1") -> MediaStreamProtocol:
    protocol = MediaStreamProtocol()
    protocol.receive(start(streamSid=stream_sid))
    return protocol


def refusal(protocol: MediaStreamProtocol, data: str) -> str:
    with pytest.raises(ProtocolError) as caught:
        protocol.receive(data)
    return caught.value.name


def test_connected_start_media_stop_is_a_whole_stream() -> None:
    protocol = MediaStreamProtocol()
    protocol.receive('{"event":"connected"}')
    assert isinstance(protocol.receive(start(streamSid="MZ1")), Start)
    assert isinstance(protocol.receive(MEDIA), Media)
    assert isinstance(protocol.receive('{"event":"stop","streamSid":"MZ1"}'), Stop)
    assert protocol.state is State.STOPPED


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (MEDIA, "media_before_start"),
        ('{"event":"mark","mark":{"name":"a"}}', "mark_before_start"),
        ('{"event":"dtmf","dtmf":{"digit":"1"}}', "dtmf_before_start"),
        ('{"event":"stop"}', "stop_before_start"),
    ],
)
def test_nothing_counts_before_start(message: str, name: str) -> None:
    assert refusal(MediaStreamProtocol(), message) == name


def test_a_second_start_is_refused_and_the_stream_goes_on() -> None:
    protocol = started()
    assert refusal(protocol, start()) == "second_start"
    assert isinstance(protocol.receive(MEDIA), Media)


def test_another_stream_sid_is_refused_and_the_stream_goes_on() -> None:
    protocol = started("MZ1")
    assert (
        refusal(protocol, '{"event":"media","streamSid":"MZ2","media":{"payload":"/w=="}}')
        == "wrong_stream_sid"
    )
    assert isinstance(protocol.receive(MEDIA), Media)


def test_an_empty_payload_is_refused() -> None:
    assert refusal(started(), '{"event":"media","media":{"payload":""}}') == "empty_payload"


@pytest.mark.parametrize("call_sid", ["", None, "a b", "CA\n", "C" * 65, "CA\u0000", "../etc"])
def test_a_call_sid_that_is_none_is_refused(call_sid: str | None) -> None:
    assert refusal(MediaStreamProtocol(), start(callSid=call_sid or "")) == "invalid_call_sid"


def test_a_stream_sid_that_is_none_is_refused() -> None:
    assert refusal(MediaStreamProtocol(), start(streamSid="M" * 65)) == "invalid_stream_sid"


def test_numbers_and_nulls_typed_by_hand_are_taken() -> None:
    protocol = MediaStreamProtocol()
    protocol.receive(
        '{"event":"start","streamSid":null,"start":{"callSid":123,"streamSid":5,"customParameters":null}}'
    )
    assert (protocol.call_sid, protocol.stream_sid) == ("123", "5")
    assert isinstance(protocol.receive('{"event":"media","streamSid":5,"media":{"payload":"/w=="}}'), Media)


@pytest.mark.parametrize(
    "media_format",
    [
        {"encoding": "audio/x-l16", "sampleRate": 8000, "channels": 1},
        {"encoding": "audio/x-mulaw", "sampleRate": 16000, "channels": 1},
        {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 2},
    ],
)
def test_another_audio_format_is_refused_by_name(media_format: dict[str, Any]) -> None:
    assert refusal(MediaStreamProtocol(), start(mediaFormat=media_format)) == "unsupported_media_format"


def test_a_sample_rate_in_a_string_is_a_sample_rate() -> None:
    protocol = MediaStreamProtocol()
    protocol.receive(start(mediaFormat={"encoding": "audio/x-mulaw", "sampleRate": "8000", "channels": "1"}))
    assert protocol.state is State.STREAMING


def test_a_stream_without_a_sid_gets_one() -> None:
    protocol = MediaStreamProtocol()
    protocol.receive(start())
    assert protocol.stream_sid.startswith("MZ")


def test_nothing_counts_after_stop() -> None:
    protocol = started()
    protocol.receive('{"event":"stop"}')
    assert refusal(protocol, MEDIA) == "after_stop"
