"""A scenario made ready to be played: every word spoken, every sound made, before the call begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.errors import OffhookError
from app.services.text_to_speech import TextToSpeech
from app.simulator import audio, sounds
from app.simulator.evaluation.scenario import Idle, Scenario, Step, VoiceName
from app.simulator.microphone import LineConditions
from app.simulator.script import (
    Beside,
    HangUp,
    Listen,
    Pause,
    Play,
    Press,
    WaitForHangUp,
    WaitForSpeech,
    WaitForTurn,
    WaitUntil,
)
from app.simulator.script import Step as Action
from app.simulator.voice import PITCH, CallerVoice, without_pauses
from app.simulator.wire import FRAME_BYTES

RECORDINGS = Path(__file__).parents[1] / "recordings"
TURN_SILENCE = 1.0
"""Longer than people wait: a busy machine leaves gaps between clauses."""
VOICES: dict[VoiceName, float] = {"normal": PITCH, "low": 0.9, "high": 0.97}
"""How much faster, and so higher, than the agent's. Faster ones than these lose words (`voice.PITCH`)."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A scenario that can be played, as often as wanted."""

    scenario: Scenario
    steps: tuple[Action, ...]
    line: LineConditions


class Stage:
    """Makes scenarios ready with one voice, which says each phrase once."""

    def __init__(self, voice: TextToSpeech, turn_silence: float = TURN_SILENCE) -> None:
        """After `turn_silence` seconds the caller takes the agent to have finished."""
        self._voice = CallerVoice(voice)
        self._turn = WaitForTurn(turn_silence)
        self._idle: dict[Idle, Action] = {
            "wait": self._turn,
            "wait for hang up": WaitForHangUp(),
            "hang up": HangUp(),
        }

    async def prepare(self, scenario: Scenario) -> Staged:
        """Speak and load everything.

        Raises:
            OffhookError: a recording is not there.
            SynthesisError: the voice gave up.
        """
        steps: list[Action] = []
        for step in scenario.caller:
            if isinstance(step, str):
                steps.append(self._idle[step])
            else:
                steps += await self._actions(step, scenario)
        if not isinstance(steps[-1], (WaitForHangUp, HangUp)):
            steps.append(self._turn)
        return Staged(scenario, tuple(steps), _line(scenario))

    async def _actions(self, step: Step, scenario: Scenario) -> list[Action]:
        if step.pause is not None:
            return [Pause(step.pause)]
        if step.listen is not None:
            return [Listen(step.listen, step.not_before, self._turn.silence)]
        timing = _timing(step, self._turn)
        if step.press is not None:
            return [*timing, Press(str(step.press))]
        if step.noise is not None:
            return [*timing, Beside(_lasting(sounds.noise(step.noise), step.seconds, step.level))]
        text, heard = await self._audio(step, scenario)
        if step.cut is not None:
            heard = heard[: round(step.cut * audio.RATE) // FRAME_BYTES * FRAME_BYTES]
        if step.beside:
            return [*timing, Beside(heard)]
        return [*timing, Play(heard, text, speech=step.sound is None, interrupts=_interrupts(step))]

    async def _audio(self, step: Step, scenario: Scenario) -> tuple[str, bytes]:
        """What a step sounds like, and how it is called."""
        if step.sound is not None:
            return f"({step.sound})", sounds.at_level(sounds.sound(step.sound), step.level)
        if step.say is not None:
            text = without_pauses(step.say)
            heard = await self._voice.say(step.say, VOICES[step.voice or scenario.voice])
        else:
            path = _recording(str(step.play), scenario)
            text, heard = step.text or path.name, audio.load(path)
        heard = sounds.at_level(heard, step.level)
        return text, sounds.muffled(heard) if scenario.line.band == "narrow" else heard


def _timing(step: Step, turn: Action) -> list[Action]:
    if step.over is not None:
        return [WaitForSpeech(step.over)]
    if step.at is not None:
        return [WaitUntil(step.at)]
    if step.when == "now" or (step.background and step.when is None):
        return []
    return [turn]


def _interrupts(step: Step) -> bool | None:
    """What the scenario says, or what is usual; None where either is right."""
    match step.interrupts:
        case bool():
            return step.interrupts
        case "maybe":
            return None
    if step.sound is not None:
        return False
    return True if step.over is not None else None


def _recording(name: str, scenario: Scenario) -> Path:
    for folder in (Path(scenario.folder), RECORDINGS):
        if (path := folder / name).is_file():
            return path
    raise OffhookError(
        f"{scenario.name}: there is no recording {name!r} beside the scenario or among Offhook's own."
    )


def _lasting(loop: bytes, seconds: float, level: float) -> bytes:
    length = round(seconds * audio.RATE)
    return sounds.louder((loop * (length // len(loop) + 1))[:length], level)


def _line(scenario: Scenario) -> LineConditions:
    spec = scenario.line
    return LineConditions(
        echo_db=spec.echo,
        echo_delay_ms=spec.echo_delay,
        noise=sounds.louder(sounds.noise(spec.noise), -spec.snr) if spec.noise else b"",
        loss=spec.loss / 100,
        jitter_ms=spec.jitter,
    )
