"""The caller with a phone: script, ears, microphone and phone, moved on 20 ms at a time. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.simulator.microphone import PERFECT, LineConditions, Microphone
from app.simulator.phone import Phone
from app.simulator.script import QUIET, Moment, Scene, Step, perform
from app.simulator.wire import FRAME_BYTES


@dataclass(frozen=True, slots=True)
class Beat:
    """What 20 ms bring: what the caller does, and the marks that are due."""

    moment: Moment
    frame: bytes
    """What the server gets to hear."""
    marks: list[str]


class Handset:
    """One call's caller. The script begins with `begin`, at the first stream, and runs through to its end."""

    def __init__(self, steps: Sequence[Step], max_ms: float, line: LineConditions = PERFECT) -> None:
        """After `max_ms` the caller hangs up whatever the script says."""
        self.phone = Phone()
        self.scene = Scene()
        self._microphone = Microphone(line, self.scene.room)
        self._steps = steps
        self._max_ms = max_ms
        self._performance: Iterator[Moment] | None = None

    def begin(self) -> None:
        """There is somebody to talk to. Later streams of the call change nothing."""
        if self._performance is None:
            self._performance = perform(self._steps, self.scene)

    def tick(self, *, ringing: bool = False) -> Beat:
        """Move on 20 ms. `ringing`: the caller is being connected, and expects no words meanwhile."""
        moment = self._next()
        frame = self._microphone.tick(moment.frame, self.phone.heard)
        marks = self.phone.tick(frame)
        self.scene.ears.hear(bytes(self.phone.heard[-FRAME_BYTES:]), ringing or self.phone.buffered > 0)
        return Beat(moment, frame, marks)

    def _next(self) -> Moment:
        if self.phone.now_ms >= self._max_ms:
            self.scene.problem(f"The call was not over after {self._max_ms / 1000:g} seconds")
            return Moment(hang_up=True)
        return QUIET if self._performance is None else next(self._performance, QUIET)
