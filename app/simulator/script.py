"""What the caller does, step by step. No I/O: a step yields what happens in each 20 ms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.simulator.listening import Ears, Span, voice_span
from app.simulator.microphone import Room
from app.simulator.wire import FRAME_BYTES, FRAME_MS, SILENT_FRAME

TURN_SILENCE = 0.7
"""Seconds of silence after which people take the agent to have finished."""
PATIENCE = 20.0
"""Seconds a caller waits for the agent before that counts as a problem."""
KEY_GAP = 0.1
"""Seconds between two keys."""


@dataclass(frozen=True, slots=True)
class Moment:
    """20 ms of the caller: what is said, a key pressed, or the end of it."""

    frame: bytes = SILENT_FRAME
    digit: str = ""
    hang_up: bool = False


QUIET = Moment()


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something the caller said, and when its voice was audible on the phone's time line."""

    text: str
    voice: Span
    speech: bool = True
    """False for sounds: nobody owes them an answer."""
    interrupts: bool | None = None
    """Whether it ought to stop the agent. None: that does not matter here."""


@dataclass(slots=True)
class Scene:
    """What the steps share: the caller's ears, and what is remembered for the report."""

    ears: Ears = field(default_factory=Ears)
    room: Room = field(default_factory=Room)
    began_ms: int = 0
    """When the script began: at the first stream's start."""
    listened_ms: int = 0
    """Until when the caller last listened in vain."""
    utterances: list[Utterance] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What the agent failed to do in time, in a person's words."""

    def problem(self, what: str) -> None:
        self.problems.append(f"{what}, {self.ears.now_ms / 1000:.1f} s into the call.")


class Step(Protocol):
    def perform(self, scene: Scene) -> Iterator[Moment]: ...


@dataclass(frozen=True, slots=True)
class Play:
    """Say something, or make a sound: 8 kHz μ-law. `text` is what it says, for the report."""

    audio: bytes
    text: str = ""
    speech: bool = True
    interrupts: bool | None = None

    def perform(self, scene: Scene) -> Iterator[Moment]:
        voice = voice_span(self.audio)
        began = scene.ears.now_ms
        span = Span(began + voice.start_ms, began + voice.end_ms)
        scene.utterances.append(Utterance(self.text, span, self.speech, self.interrupts))
        for at in range(0, len(self.audio), FRAME_BYTES):
            yield Moment(self.audio[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff"))
        # Whoever murmurs while the agent speaks still listens to the same speech.
        if self.speech and self.interrupts is not False:
            scene.ears.attend()


@dataclass(frozen=True, slots=True)
class Beside:
    """A sound that begins now, while the caller goes on with the next step: μ-law."""

    audio: bytes

    def perform(self, scene: Scene) -> Iterator[Moment]:
        scene.room.add(self.audio)
        yield from ()


@dataclass(frozen=True, slots=True)
class WaitForTurn:
    """Until the agent has spoken and has then been silent for `silence` seconds."""

    silence: float = TURN_SILENCE
    patience: float = PATIENCE

    def perform(self, scene: Scene) -> Iterator[Moment]:
        ears = scene.ears
        # Patience is for silence: a long answer may take its time.
        while not (ears.heard_ms and ears.quiet_ms >= self.silence * 1000):
            if ears.quiet_ms >= self.patience * 1000:
                scene.problem(f"The agent said nothing for {self.patience:g} seconds")
                return
            yield QUIET


@dataclass(frozen=True, slots=True)
class WaitForSpeech:
    """Until the agent has been audible for `seconds`: `Play` after it is an interruption."""

    seconds: float
    patience: float = PATIENCE

    def perform(self, scene: Scene) -> Iterator[Moment]:
        ears = scene.ears
        while ears.heard_ms < self.seconds * 1000:
            if ears.quiet_ms >= self.patience * 1000:
                scene.problem(f"The agent did not speak for {self.seconds:g} seconds")
                return
            yield QUIET


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Until so many seconds after the script began."""

    seconds: float

    def perform(self, scene: Scene) -> Iterator[Moment]:
        while scene.ears.now_ms - scene.began_ms < self.seconds * 1000:
            yield QUIET


@dataclass(frozen=True, slots=True)
class Listen:
    """Hear what the agent says next, to its end. It begins within `within` seconds of silence, and not before
    `not_before`; otherwise that is a problem.
    """

    within: float
    not_before: float = 0.0
    silence: float = TURN_SILENCE

    def perform(self, scene: Scene) -> Iterator[Moment]:
        ears = scene.ears
        silent_since = max(ears.silent_since_ms, scene.listened_ms)
        ears.attend()
        while not ears.heard_ms:
            if ears.now_ms - silent_since >= self.within * 1000:
                scene.problem(f"The agent said nothing within {self.within:g} seconds")
                scene.listened_ms = ears.now_ms
                return
            yield QUIET
        if (after := ears.now_ms - FRAME_MS - silent_since) < self.not_before * 1000:
            scene.problem(
                f"The agent spoke after {after / 1000:.1f} seconds, before {self.not_before:g} had passed"
            )
        while ears.quiet_ms < self.silence * 1000:
            yield QUIET


@dataclass(frozen=True, slots=True)
class Pause:
    """Say nothing for a while."""

    seconds: float

    def perform(self, scene: Scene) -> Iterator[Moment]:
        for _ in range(round(self.seconds * 1000 / FRAME_MS)):
            yield QUIET


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys: 0–9, *, #."""

    digits: str

    def perform(self, scene: Scene) -> Iterator[Moment]:
        for digit in self.digits:
            yield Moment(digit=digit)
            yield from Pause(KEY_GAP).perform(scene)
        scene.ears.attend()


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call. So does the end of the script."""

    def perform(self, scene: Scene) -> Iterator[Moment]:
        yield Moment(hang_up=True)


@dataclass(frozen=True, slots=True)
class WaitForHangUp:
    """Until the other side ends the call; a problem if it does not."""

    patience: float = PATIENCE

    def perform(self, scene: Scene) -> Iterator[Moment]:
        while scene.ears.quiet_ms < self.patience * 1000:
            yield QUIET
        scene.problem(f"The agent did not hang up within {self.patience:g} seconds of silence")


def perform(steps: Sequence[Step], scene: Scene) -> Iterator[Moment]:
    """The whole script, which ends with the caller hanging up."""
    scene.began_ms = scene.ears.now_ms
    scene.ears.attend()
    for step in steps:
        yield from step.perform(scene)
    yield Moment(hang_up=True)
