"""Whatever is sent, a stream refuses it by name or takes it: nothing else comes out, and nothing piles up."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.media_stream.messages import MAX_MESSAGE, ProtocolError
from app.media_stream.protocol import MediaStreamProtocol, State

VALID: list[dict[str, Any]] = [
    {"event": "connected", "protocol": "Call", "version": "1.0.0"},
    {"event": "start", "streamSid": "MZ1", "start": {"callSid": "CA1", "customParameters": {"token": "x"}}},
    {"event": "media", "streamSid": "MZ1", "media": {"payload": "/w==", "track": "inbound"}},
    {"event": "mark", "streamSid": "MZ1", "mark": {"name": "0.1"}},
    {"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": "1"}},
    {"event": "stop", "streamSid": "MZ1", "stop": {"callSid": "CA1"}},
]

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def refusal(protocol: MediaStreamProtocol, message: str | bytes) -> ProtocolError | None:
    """Why a message was refused."""
    try:
        protocol.receive(message)
    except ProtocolError as error:
        return error
    return None


@st.composite
def mutated(draw: st.DrawFn) -> str | bytes:
    """One of Twilio's messages with something wrong in it, as text or as bytes."""
    message = json.loads(json.dumps(draw(st.sampled_from(VALID))))
    place = message
    while True:
        key = draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or draw(st.booleans()):
            break
        place = place[key]
    if draw(st.booleans()):
        del place[key]
    else:
        place[key] = draw(anything)
    text = json.dumps(message)
    cut = draw(st.integers(0, len(text)))
    match draw(st.integers(0, 4)):
        case 0:
            text = text[:cut] + draw(st.text(max_size=3)) + text[cut:]
        case 1:
            text = text[:cut]
        case 2:
            return text.encode()
    return text


@given(st.lists(mutated() | st.text(max_size=30) | st.binary(max_size=30), max_size=20))
def test_mutated_messages_are_taken_or_refused_by_name(messages: list[str | bytes]) -> None:
    protocol = MediaStreamProtocol()
    for message in messages:
        before = protocol.state, protocol.call_sid, protocol.stream_sid
        if (error := refusal(protocol, message)) is not None:
            assert error.name.replace("_", "").isalpha()
            assert len(str(error)) < 400
            assert before == (protocol.state, protocol.call_sid, protocol.stream_sid)


@given(st.sampled_from(["[", '{"a":', '{"event":"start","start":', "[[", '"']), st.integers(1, MAX_MESSAGE))
def test_nesting_of_any_depth_is_refused(opening: str, times: int) -> None:
    protocol = MediaStreamProtocol()
    assert refusal(protocol, (opening * times)[: MAX_MESSAGE + 10]) is not None
    assert protocol.state is State.WAITING


def test_more_chunks_than_allowed_are_dropped_by_name_and_a_flood_is_told() -> None:
    now = 50.0
    protocol = MediaStreamProtocol(10, clock=lambda: now)
    protocol.receive(json.dumps(VALID[1]))
    chunk = json.dumps(VALID[2])
    refused = [error.name for _ in range(15) if (error := refusal(protocol, chunk))]
    assert refused == ["too_many_chunks"] * 5
    assert not protocol.rate.flooded
    for _ in range(100):
        refusal(protocol, chunk)
    assert protocol.rate.flooded


def test_audio_that_waited_while_the_call_was_opened_is_not_lost() -> None:
    now = 50.0
    protocol = MediaStreamProtocol(100, clock=lambda: now)
    protocol.receive(json.dumps(VALID[1]))
    now += 4.0
    assert not [error for _ in range(200) if (error := refusal(protocol, json.dumps(VALID[2])))]


def test_rubbish_counts_as_messages_too() -> None:
    protocol = MediaStreamProtocol(10, clock=lambda: 50.0)
    refused = {error.name for _ in range(250) if (error := refusal(protocol, "{"))}
    assert refused == {"invalid_json"}
    assert protocol.rate.flooded
