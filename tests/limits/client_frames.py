"""What a client sends: frames that keep the rules, and frames by hand that need not."""

from __future__ import annotations

from websockets.frames import Frame, Opcode


def client_frame(data: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    """As websockets makes it, masked at random."""
    return Frame(opcode, data, fin).serialize(mask=True)


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True, rsv: int = 0) -> bytes:
    """Whatever it is, masked with zeros; up to 125 bytes."""
    return bytes([(0x80 if fin else 0) | rsv | opcode, 0x80 | len(payload)]) + bytes(4) + payload
