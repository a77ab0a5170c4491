"""A worker program for the tests: it writes into the pipe what it is told, byte for byte."""

from __future__ import annotations

import sys

import msgspec

from app.services import worker_wire as wire

sys.stdout.buffer.write(wire.frame(wire.Done(0)))
sys.stdout.buffer.flush()
while header := sys.stdin.buffer.read(wire.HEADER_BYTES):
    order = wire.parse_order(sys.stdin.buffer.read(wire.length(header)))
    if isinstance(order, wire.Request):
        sys.stdout.buffer.write(msgspec.msgpack.decode(order.body, type=bytes))
        sys.stdout.buffer.flush()
