"""What goes through the pipes between the server and a worker process. No I/O.

A message is four bytes of length, big-endian, and that many bytes of MessagePack. A request carries a
number; every piece of its answer carries it back, and `Done` ends it. `Done` of request 0 is the
worker's first message: it has loaded what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

HEADER_BYTES = 4
MOST_BYTES = 1 << 24
"""Of a message, 16 MB: half an hour of speech. What says it is longer is no message."""


class Request(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Server to worker: do this."""

    id: int
    body: msgspec.Raw


class Cancel(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Server to worker: nobody waits for this request any more."""

    id: int


class Piece(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Worker to server: a part of an answer."""

    id: int
    body: msgspec.Raw


class Done(msgspec.Struct, array_like=True, tag=True, frozen=True):
    """Worker to server: the answer is complete, or an `error` has ended it."""

    id: int
    error: str | None = None


Order = Request | Cancel
Answer = Piece | Done

_encoder = msgspec.msgpack.Encoder()
_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def body(value: object) -> msgspec.Raw:
    """A value as the body of a message."""
    return msgspec.Raw(_encoder.encode(value))


def frame(message: Order | Answer) -> bytes:
    """A message as it goes through the pipe, its length before it."""
    data = _encoder.encode(message)
    return len(data).to_bytes(HEADER_BYTES, "big") + data


def length(header: bytes | bytearray) -> int:
    """How many bytes of message follow this header.

    Raises:
        msgspec.DecodeError: it is no header.
    """
    bytes_ = int.from_bytes(header, "big")
    if bytes_ > MOST_BYTES:
        raise msgspec.DecodeError(f"{header!r} is no header of a message")
    return bytes_


def parse_order(data: bytes) -> Order:
    """What the server wants, from a message without its header."""
    return _orders.decode(data)


class AnswerReader:
    """Finds the answers in what comes out of the pipe, however it was cut into pieces on the way."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[Answer]:
        """Take what was read; yield the answers it completes.

        Raises:
            msgspec.DecodeError: this is not what a worker says.
        """
        self._data += data
        while len(self._data) >= HEADER_BYTES:
            end = HEADER_BYTES + length(self._data[:HEADER_BYTES])
            if len(self._data) < end:
                return
            message = bytes(self._data[HEADER_BYTES:end])
            del self._data[:end]
            yield _answers.decode(message)
