"""Where a WebSocket frame ends, and what an ordinary one says (RFC 6455, 5.2). No I/O."""

from __future__ import annotations

# The compiled one, where there is one.
from websockets.frames import apply_mask  # type: ignore[attr-defined]

_FINAL_TEXT = 0x81
_MASKED = 0x80


def frame_end(data: bytes | bytearray, begin: int, most: int) -> int:
    """Where the frame that begins at `begin` ends: beyond the data, if it is not all there.

    A frame of more than `most` bytes ends with the data. Whoever parses it refuses it by its header.
    """
    here = len(data) - begin
    if here < 2:
        return begin + 2
    length, header = data[begin + 1] & 0x7F, 6 if data[begin + 1] & _MASKED else 2
    if length == 126:
        header += 2
        if here < header:
            return begin + header
        length = data[begin + 2] << 8 | data[begin + 3]
    elif length == 127:
        header += 8
        if here < header:
            return begin + header
        length = int.from_bytes(data[begin + 2 : begin + 10])
    return begin + header + length if length <= most else len(data)


def text_of(data: bytes | bytearray, begin: int, end: int) -> str | None:
    """The message, if the frame from `begin` to `end` is an ordinary one: text, masked, in one piece, not
    coded, shorter than 64 KiB.

    None: it is something else, or no UTF-8.
    """
    if data[begin] != _FINAL_TEXT:
        return None
    length = data[begin + 1]
    if length == _MASKED | 126:
        payload = begin + 8
    elif _MASKED <= length < _MASKED | 126:
        payload = begin + 6
    else:
        return None
    try:
        return apply_mask(data[payload:end], data[payload - 4 : payload]).decode()
    except UnicodeDecodeError:
        return None
