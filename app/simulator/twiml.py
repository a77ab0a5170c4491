"""TwiML as verbs. No I/O. Strict: what Twilio would warn about is an error here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree

from app.simulator.violations import ViolationError

MAX_DOCUMENT = 64 * 1024
"""Bytes of one document (Twilio's error 11750 beyond)."""
MAX_PARAMETER = 500
"""Characters of a `<Parameter>`'s name and value together."""

RETRIEVAL_FAILED = 11200
TOO_LARGE = 11750
NOT_XML = 12100
NOT_TWIML = 12200
WRONG_CONTENT_TYPE = 12300
NOT_WSS = 31922
HANDSHAKE = 31920


@dataclass(frozen=True, slots=True)
class Stream:
    """`parameters` become `start.customParameters`."""

    url: str
    name: str
    status_callback: str
    status_callback_method: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Connect:
    """`action` is None where the document goes on after the stream."""

    stream: Stream
    action: str | None
    method: str


@dataclass(frozen=True, slots=True)
class Redirect:
    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Say:
    text: str


@dataclass(frozen=True, slots=True)
class Play:
    """Audio from `url`, or the tones of `digits`."""

    url: str
    digits: str
    times: int


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: int


@dataclass(frozen=True, slots=True)
class Dial:
    """`timeout` is how many seconds it may ring."""

    numbers: tuple[str, ...]
    action: str | None
    method: str
    timeout: int


@dataclass(frozen=True, slots=True)
class Hangup:
    pass


@dataclass(frozen=True, slots=True)
class Reject:
    reason: str


Verb = Connect | Redirect | Say | Play | Pause | Dial | Hangup | Reject


def parse(document: bytes) -> tuple[Verb, ...]:
    """The verbs of a `<Response>`, in order.

    Raises:
        ViolationError: 11750 (too large), 12100 (not XML), 12200 (not TwiML, or more than is simulated),
            31920 or 31922 (a stream URL Twilio could not open).
    """
    if len(document) > MAX_DOCUMENT:
        raise ViolationError(TOO_LARGE, f"the TwiML has {len(document)} bytes, {MAX_DOCUMENT} at most")
    try:
        text = document.decode()
        if "<!DOCTYPE" in text:
            raise ViolationError(NOT_XML, "TwiML has no document type declaration")
        root = ElementTree.fromstring(text.encode())  # noqa: S314  (without a DOCTYPE there are no entities)
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        raise ViolationError(NOT_XML, f"the TwiML cannot be parsed: {error}") from None
    if root.tag != "Response":
        raise ViolationError(NOT_TWIML, f"the document is a <{root.tag}>, not a <Response>")
    _attributes(root)
    return tuple(_verb(element) for element in root)


def _verb(element: ElementTree.Element) -> Verb:
    reader = _VERBS.get(element.tag)
    if reader is None:
        raise ViolationError(NOT_TWIML, f"<{element.tag}> is not one of {', '.join(_VERBS)}")
    return reader(element)


def _connect(element: ElementTree.Element) -> Connect:
    given = _attributes(element, "action", "method")
    if len(element) != 1 or element[0].tag != "Stream":
        raise ViolationError(NOT_TWIML, "<Connect> must hold exactly one <Stream>")
    return Connect(_stream(element[0]), given.get("action"), _method(given))


def _stream(element: ElementTree.Element) -> Stream:
    given = _attributes(element, "url", "name", "statusCallback", "statusCallbackMethod")
    url = given.get("url", "")
    parts = urlsplit(url)
    loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "wss" and not (parts.scheme == "ws" and loopback):
        raise ViolationError(NOT_WSS, f"a stream's URL must start with wss://: {url!r}")
    if parts.query:
        raise ViolationError(HANDSHAKE, f"Twilio strips the query string of a stream's URL: {url}")
    parameters = {}
    for child in element:
        if child.tag != "Parameter":
            raise ViolationError(NOT_TWIML, f"<Stream> may hold <Parameter>, not <{child.tag}>")
        parameter = _attributes(child, "name", "value")
        name, value = parameter.get("name", ""), parameter.get("value", "")
        if not name or len(name) + len(value) > MAX_PARAMETER:
            raise ViolationError(
                NOT_TWIML, f"<Parameter name={name!r:.40}>: a name, and {MAX_PARAMETER} characters at most"
            )
        parameters[name] = value
    return Stream(
        url,
        given.get("name", ""),
        given.get("statusCallback", ""),
        _method(given, "statusCallbackMethod"),
        parameters,
    )


def _redirect(element: ElementTree.Element) -> Redirect:
    return Redirect(_text(element), _method(_attributes(element, "method")))


def _say(element: ElementTree.Element) -> Say:
    _attributes(element, "voice", "language", "loop")
    return Say(" ".join("".join(element.itertext()).split()))


def _play(element: ElementTree.Element) -> Play:
    given = _attributes(element, "loop", "digits")
    digits = given.get("digits", "")
    # loop="0" is for ever (a thousand times, by Twilio's documents).
    times = _number(given, "loop", 1) or 1000
    return Play("" if digits else _text(element), digits, times)


def _pause(element: ElementTree.Element) -> Pause:
    return Pause(_number(_attributes(element, "length"), "length", 1))


def _dial(element: ElementTree.Element) -> Dial:
    given = _attributes(
        element, "action", "method", "timeout", "callerId", "timeLimit", "hangupOnStar", "answerOnBridge"
    )
    numbers = [element.text.strip()] if element.text and element.text.strip() else []
    for child in element:
        if child.tag != "Number":
            raise ViolationError(NOT_TWIML, f"<Dial> may hold <Number> here, not <{child.tag}>")
        _attributes(child)
        numbers.append(_text(child))
    if not numbers:
        raise ViolationError(NOT_TWIML, "<Dial> names no number")
    return Dial(tuple(numbers), given.get("action"), _method(given), _number(given, "timeout", 30))


def _hangup(element: ElementTree.Element) -> Hangup:
    _attributes(element)
    return Hangup()


def _reject(element: ElementTree.Element) -> Reject:
    return Reject(_attributes(element, "reason").get("reason", "rejected"))


_VERBS: Mapping[str, Callable[[ElementTree.Element], Verb]] = {
    "Connect": _connect,
    "Redirect": _redirect,
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
    "Dial": _dial,
    "Hangup": _hangup,
    "Reject": _reject,
}


def _attributes(element: ElementTree.Element, *allowed: str) -> dict[str, str]:
    if unknown := set(element.attrib) - set(allowed):
        raise ViolationError(NOT_TWIML, f"<{element.tag}> has no attribute {', '.join(sorted(unknown))}")
    return element.attrib


def _text(element: ElementTree.Element) -> str:
    text = (element.text or "").strip()
    if not text:
        raise ViolationError(NOT_TWIML, f"<{element.tag}> is empty")
    return text


def _method(given: Mapping[str, str], attribute: str = "method") -> str:
    method = given.get(attribute, "POST")
    if method not in ("GET", "POST"):
        raise ViolationError(NOT_TWIML, f"{attribute} is GET or POST, not {method!r}")
    return method


def _number(given: Mapping[str, str], attribute: str, default: int) -> int:
    value = given.get(attribute, str(default))
    if not value.isdecimal():
        raise ViolationError(NOT_TWIML, f"{attribute} is a whole number, not {value!r}")
    return int(value)
