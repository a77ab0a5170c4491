"""What the loopback voices have in common: audio that tells which words it speaks, and how they fail."""

from __future__ import annotations

from dataclasses import dataclass

WORD_MS = 400
"""How long each word lasts: two and a half a second, as people speak."""


def audio_of(text: str, rate: int = 8000, width: int = 1) -> bytes:
    """The audio of a text: of each word, its own letters again and again."""
    length = WORD_MS * rate // 1000 * width
    return b"".join((word.encode() * length)[:length] for word in text.split())


@dataclass(frozen=True, slots=True)
class Stall:
    """Say nothing more, for ever."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection."""
