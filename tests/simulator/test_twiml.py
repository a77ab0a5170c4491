"""TwiML: what is followed and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.voice_response import Connect as TwilioConnect
from twilio.twiml.voice_response import VoiceResponse

from app.simulator import twiml
from app.simulator.violations import ViolationError


def parse(body: str) -> tuple[twiml.Verb, ...]:
    return twiml.parse(f"<Response>{body}</Response>".encode())


def test_what_the_twilio_package_writes_is_read() -> None:
    response = VoiceResponse()
    connect = TwilioConnect(action="https://example.test/voice/next")
    stream = connect.stream(url="wss://example.test/ws", name="n", status_callback="/s")
    stream.parameter(name="token", value='a&"<b')
    response.append(connect)
    (verb,) = twiml.parse(str(response).encode())
    assert verb == twiml.Connect(
        twiml.Stream("wss://example.test/ws", "n", "/s", "POST", {"token": 'a&"<b'}),
        "https://example.test/voice/next",
        "POST",
    )


@pytest.mark.parametrize(
    ("body", "verb"),
    [
        ("<Say voice='x'>Hello\n  there</Say>", twiml.Say("Hello there")),
        ("<Pause/>", twiml.Pause(1)),
        ("<Pause length='3'/>", twiml.Pause(3)),
        ("<Play> /a.wav </Play>", twiml.Play("/a.wav", "", 1)),
        ("<Play digits='1w2'/>", twiml.Play("", "1w2", 1)),
        ("<Redirect method='GET'>/next</Redirect>", twiml.Redirect("/next", "GET")),
        ("<Dial timeout='5'>+15550100</Dial>", twiml.Dial(("+15550100",), None, "POST", 5)),
        (
            "<Dial action='/a'><Number>+1</Number><Number>+2</Number></Dial>",
            twiml.Dial(("+1", "+2"), "/a", "POST", 30),
        ),
        ("<Hangup/>", twiml.Hangup()),
        ("<Reject reason='busy'/>", twiml.Reject("busy")),
    ],
)
def test_a_verb_is_read(body: str, verb: twiml.Verb) -> None:
    assert parse(body) == (verb,)


def test_verbs_keep_their_order() -> None:
    assert parse("<Pause/><Hangup/>") == (twiml.Pause(1), twiml.Hangup())


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", 12100),
        (b"<Response>", 12100),
        (b"\xff\xfe", 12100),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><Response>&a;</Response>", 12100),
        (b"<Response>" + b" " * 65536 + b"</Response>", 11750),
        (b"<response/>", 12200),
        (b"<Response><hangup/></Response>", 12200),
        (b"<Response><Hangup now='1'/></Response>", 12200),
        (b"<Response><Pause length='soon'/></Response>", 12200),
        (b"<Response><Connect/></Response>", 12200),
        (b"<Response><Redirect/></Response>", 12200),
        (b"<Response><Redirect method='PUT'>/x</Redirect></Response>", 12200),
        (b"<Response><Dial/></Response>", 12200),
        (b"<Response><Connect><Stream url='ws://example.test/x'/></Connect></Response>", 31922),
        (b"<Response><Connect><Stream url='https://example.test/x'/></Connect></Response>", 31922),
        (b"<Response><Connect><Stream url='wss://example.test/x?a=b'/></Connect></Response>", 31920),
        (
            b"<Response><Connect><Stream url='wss://e.test'><Parameter name='n' value='"
            + b"v" * 500
            + b"'/></Stream></Connect></Response>",
            12200,
        ),
    ],
)
def test_what_twilio_would_warn_about_is_refused_by_its_number(document: bytes, code: int) -> None:
    with pytest.raises(ViolationError) as raised:
        twiml.parse(document)
    assert raised.value.violation.code == code


def test_a_stream_on_loopback_needs_no_tls() -> None:
    (verb,) = parse("<Connect><Stream url='ws://127.0.0.1:3000/ws'/></Connect>")
    assert isinstance(verb, twiml.Connect)
    assert verb.action is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_by_name(document: bytes) -> None:
    with pytest.raises(ViolationError):
        twiml.parse(document)
