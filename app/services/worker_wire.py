"""What goes through the pipes between the server and a worker process. No I/O.

A message is four bytes of length, big-endian, and that many bytes of MessagePack. A request carries a
number; every piece of its answer carries it back, and `Done` ends it. `Done` of request 0 is the
worker's first message: it has loaded what it needs.
"""

from __future__ import annotations

import msgspec

HEADER_BYTES = 4


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


def length(header: bytes) -> int:
    """How many bytes of message follow this header."""
    return int.from_bytes(header, "big")


def parse_order(data: bytes) -> Order:
    """What the server wants, from a message without its header."""
    return _orders.decode(data)


def parse_answer(data: bytes) -> Answer:
    """What the worker says, from a message without its header."""
    return _answers.decode(data)
