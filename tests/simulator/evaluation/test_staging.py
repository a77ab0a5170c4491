"""What a scenario becomes on the stage: what is heard, and when."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from app.errors import OffhookError
from app.simulator.evaluation.lined_yaml import read
from app.simulator.evaluation.scenario import Scenario
from app.simulator.evaluation.staging import Stage
from app.simulator.listening import loudness, voice_span, voiced_spans
from app.simulator.script import (
    Beside,
    HangUp,
    Listen,
    Pause,
    Play,
    Press,
    Step,
    WaitForHangUp,
    WaitForSpeech,
    WaitForTurn,
    WaitUntil,
)
from tests.simulator.agent_server import tone


class Tones:
    """A voice that gives a second of tone for a phrase, in silence."""

    name = "tones"
    ready = True

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    async def synthesize(self, text: str) -> AsyncGenerator[bytes, None]:
        self.asked.append(text)
        yield b"\xff" * 800 + tone(1.0) + b"\xff" * 800


async def staged(caller: str, rest: str = "", voice: Tones | None = None) -> Sequence[Step]:
    scenario = read(f"about: x\ncaller:\n{caller}\n{rest}", "x", Scenario)
    return (await Stage(voice or Tones()).prepare(scenario)).steps


async def test_speech_waits_for_its_turn_and_at_the_end_the_answer_is_heard() -> None:
    first, play, last = await staged("- say: Hello.")
    assert isinstance(first, WaitForTurn)
    assert isinstance(play, Play)
    assert (play.text, play.speech, play.interrupts) == ("Hello.", True, None)
    assert isinstance(last, WaitForTurn)


async def test_a_pause_in_a_sentence_is_as_long_as_it_says() -> None:
    voice = Tones()
    _, play, _ = await staged("- say: My number [0.8] is five.", voice=voice)
    assert isinstance(play, Play)
    first, second = voiced_spans(play.audio)
    assert abs(second.start_ms - first.end_ms - 800) <= 40
    assert voice.asked == ["My number,", "is five."]
    assert play.text == "My number is five."


async def test_a_phrase_is_spoken_once() -> None:
    voice = Tones()
    await staged("- say: Hello.\n- say: Hello.", voice=voice)
    assert voice.asked == ["Hello."]


async def test_when_things_are_done() -> None:
    steps = await staged(
        "- {say: a, over: 1.5}\n- {say: b, at: 12}\n- {say: c, when: now}\n- {press: 1, over: 2}\n"
        "- pause: 2\n- {listen: 9, not_before: 7}\n- wait for hang up"
    )
    assert [type(step) for step in steps] == [
        WaitForSpeech, Play, WaitUntil, Play, Play, WaitForSpeech, Press, Pause, Listen, WaitForHangUp,
    ]  # fmt: skip
    interrupting, at, _ = (step for step in steps if isinstance(step, Play))
    assert interrupting.interrupts is True
    assert at.interrupts is None


@pytest.mark.parametrize(
    ("step", "interrupts"),
    [
        ("{sound: cough, over: 1}", False),
        ("{sound: laugh, over: 1, interrupts: maybe}", None),
        ("{say: Yeah., over: 1, interrupts: false}", False),
        ("{say: Stop., over: 1}", True),
    ],
)
async def test_what_ought_to_stop_the_agent(step: str, interrupts: bool | None) -> None:
    (play,) = (found for found in await staged(f"- {step}") if isinstance(found, Play))
    assert play.interrupts is interrupts


async def test_noise_and_other_people_go_on_beside_the_next_steps() -> None:
    noise, turn, other, end = await staged(
        "- {noise: street, seconds: 2, level: -10}\n- {say: Hi., beside: true, when: turn}\n- hang up"
    )
    assert isinstance(noise, Beside)
    assert len(noise.audio) == 16_000
    assert isinstance(turn, WaitForTurn)
    assert isinstance(other, Beside)
    assert isinstance(end, HangUp)


async def test_speech_can_break_off_in_mid_word() -> None:
    _, play, _ = await staged("- {say: Hello., cut: 0.5}")
    assert isinstance(play, Play)
    assert len(play.audio) == 4000
    assert voice_span(play.audio).end_ms == 500


async def test_soft_and_loud_are_measured_against_a_usual_voice() -> None:
    _, soft, _, loud, _ = await staged("- {say: Hello., level: -20}\n- {say: Hello., level: 0}")
    assert isinstance(soft, Play)
    assert isinstance(loud, Play)
    assert 8 < loudness(loud.audio) / loudness(soft.audio) < 12


async def test_a_recording_is_looked_for_beside_the_scenario_and_among_our_own(tmp_path: Path) -> None:
    _, play, _ = await staged("- play: an4_yes.wav", f"folder: {tmp_path}")
    assert isinstance(play, Play)
    assert play.text == "an4_yes.wav"
    with pytest.raises(OffhookError, match=r"nothing\.wav"):
        await staged("- play: nothing.wav", f"folder: {tmp_path}")


async def test_the_line_is_as_the_scenario_says() -> None:
    scenario = read(
        "about: x\ncaller: [wait]\nline: {echo: -20, noise: white, snr: 10, loss: 2, jitter: 90}",
        "x",
        Scenario,
    )
    line = (await Stage(Tones()).prepare(scenario)).line
    assert (line.echo_db, line.loss, line.jitter_ms) == (-20, 0.02, 90)
    assert line.noise
