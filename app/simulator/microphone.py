"""What the caller's microphone picks up besides the caller: the room, the agent's own voice, and what the
line to Twilio makes of it. No I/O: 20 ms at a time."""

from __future__ import annotations

import audioop
import random
from dataclasses import dataclass

from app.simulator.wire import FRAME_BYTES, FRAME_MS, SILENT_FRAME


@dataclass(frozen=True, slots=True)
class LineConditions:
    """How good the line is. The default is a perfect one."""

    echo_db: float | None = None
    """How loud the agent's voice comes back, against how it went out; None: not at all. A handset gives
    −30 or less, a loudspeaker −20, a bad one −12."""
    echo_delay_ms: int = 120
    """From the phone's loudspeaker back to the server; at least 20."""
    noise: bytes = b""
    """μ-law that is heard all the time, repeated."""
    loss: float = 0.0
    """The part of the frames that is lost before Twilio, which puts silence there: it sends 50 a second
    whatever happens."""
    jitter_ms: int = 0
    """How long the way from Twilio to the server may hold everything back before it all comes at once."""
    seed: int = 1


PERFECT = LineConditions()


class Room:
    """What sounds around the caller while the caller does something else."""

    def __init__(self) -> None:
        self._sounds: list[bytes] = []

    def add(self, audio: bytes) -> None:
        """Begins now: μ-law."""
        self._sounds.append(audio)

    def tick(self) -> list[bytes]:
        """The next 20 ms of everything that sounds."""
        frames = [sound[:FRAME_BYTES] for sound in self._sounds]
        self._sounds = [rest for sound in self._sounds if (rest := sound[FRAME_BYTES:])]
        return frames


class Microphone:
    """Mixes. A perfect line in a silent room passes the caller's frames on as they are."""

    def __init__(self, line: LineConditions, room: Room) -> None:
        self._line = line
        self._room = room
        self._random = random.Random(line.seed)  # noqa: S311
        self._delay = max(FRAME_MS, line.echo_delay_ms) // FRAME_MS * FRAME_BYTES
        self._echo = None if line.echo_db is None else 10 ** (line.echo_db / 20)
        self._noise_at = 0

    def tick(self, said: bytes, heard: bytearray) -> bytes:
        """The frame that goes to the server, for what the caller says and all that the phone has played."""
        others = self._room.tick()
        if self._echo is not None and len(heard) >= self._delay:
            start = len(heard) - self._delay
            others.append(_times(bytes(heard[start : start + FRAME_BYTES]), self._echo))
        if self._line.noise:
            others.append(self._next_noise())
        if self._line.loss and self._random.random() < self._line.loss:
            return SILENT_FRAME
        return _mixed(said, others)

    def _next_noise(self) -> bytes:
        frame = self._line.noise[self._noise_at : self._noise_at + FRAME_BYTES]
        self._noise_at += FRAME_BYTES
        if self._noise_at >= len(self._line.noise):
            self._noise_at = 0
        return frame


def _times(frame: bytes, factor: float) -> bytes:
    return audioop.lin2ulaw(audioop.mul(audioop.ulaw2lin(frame, 2), 2, factor), 2)


def _mixed(frame: bytes, others: list[bytes]) -> bytes:
    if not others:
        return frame
    mixed = audioop.ulaw2lin(frame, 2)
    for other in others:
        mixed = audioop.add(mixed, audioop.ulaw2lin(other.ljust(FRAME_BYTES, b"\xff"), 2), 2)
    return audioop.lin2ulaw(mixed, 2)
