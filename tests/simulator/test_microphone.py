"""The microphone: room, echo, noise, and a line that loses frames. And a way up that stutters."""

from __future__ import annotations

import math

from app.simulator.evaluation.scenario import NoiseName, SoundName
from app.simulator.handset import Handset
from app.simulator.listening import loudness
from app.simulator.microphone import PERFECT, LineConditions, Microphone, Room
from app.simulator.script import Beside, Pause, Play, Step
from app.simulator.sounds import NOISES, SOUNDS, VOICE_RMS, at_level, louder, muffled, noise, sound
from app.simulator.wire import FRAME_BYTES, SILENT_FRAME
from tests.simulator.agent_server import YES, tone


def sent(steps: list[Step], line: LineConditions = PERFECT, agent: bytes = b"") -> bytes:
    """All that goes to the server."""
    handset = Handset(steps, 60_000, line)
    handset.begin()
    handset.phone.play(agent)
    frames = []
    while not (beat := handset.tick()).moment.hang_up:
        frames.append(beat.frame)
    return b"".join(frames)


def decibels(audio: bytes) -> float:
    return 20 * math.log10(max(1, loudness(audio)) / VOICE_RMS)


def test_a_perfect_line_sends_what_the_caller_says_bit_by_bit() -> None:
    assert sent([Play(YES)]) == YES.ljust(-(-len(YES) // FRAME_BYTES) * FRAME_BYTES, b"\xff")


def test_the_agents_voice_comes_back_later_and_softer() -> None:
    agent = at_level(tone(0.5), 0)
    heard = sent([Pause(1)], LineConditions(echo_db=-20, echo_delay_ms=200), agent)
    assert loudness(heard[: 200 * 8]) == 0
    assert abs(decibels(heard[220 * 8 : 680 * 8]) + 20) < 1.5
    assert loudness(heard[720 * 8 :]) == 0


def test_somebody_else_talks_while_the_caller_does() -> None:
    other = at_level(tone(0.1), -10)
    heard = sent([Beside(other), Pause(0.06), Play(tone(0.02)), Pause(0.1)])
    assert heard[:480] == other[:480]
    assert loudness(heard[480:640]) > loudness(other[480:640])
    assert heard[800:] == SILENT_FRAME * (len(heard[800:]) // FRAME_BYTES)


def test_noise_lies_under_everything_and_goes_on_when_its_loop_is_over() -> None:
    line = LineConditions(noise=louder(noise("white")[: FRAME_BYTES * 3], -20))
    heard = sent([Pause(0.2)], line)
    assert heard[: FRAME_BYTES * 3] == heard[FRAME_BYTES * 3 : FRAME_BYTES * 6]
    assert abs(decibels(heard) + 20) < 1.5


def test_lost_frames_are_silent_and_the_same_in_every_run() -> None:
    line = LineConditions(loss=0.3)
    heard = sent([Play(tone(4))], line)
    frames = [heard[at : at + FRAME_BYTES] for at in range(0, len(heard), FRAME_BYTES)]
    assert 0.2 < frames.count(SILENT_FRAME) / len(frames) < 0.4
    assert heard == sent([Play(tone(4))], line)


def test_what_the_line_brings_is_in_the_recording() -> None:
    handset = Handset([Pause(0.5)], 60_000, LineConditions(noise=noise("hum")))
    handset.begin()
    frames = [handset.tick().frame for _ in range(5)]
    assert bytes(handset.phone.said) == b"".join(frames)


def test_every_sound_and_noise_is_as_loud_as_a_voice_and_the_same_in_every_run() -> None:
    for name in SOUNDS:
        made = sound(name)
        assert made == sound(name)
        frames = [made[at : at + FRAME_BYTES] for at in range(0, len(made), FRAME_BYTES)]
        assert max(map(loudness, frames)) > VOICE_RMS / 2, name
        assert 0.05 < len(made) / 8000 < 3
    for name in NOISES:
        assert abs(decibels(noise(name))) < 2, name


def test_scenarios_know_every_sound_and_noise() -> None:
    assert set(SOUNDS) == set(SoundName.__args__)  # type: ignore[attr-defined]
    assert set(NOISES) == set(NoiseName.__args__)  # type: ignore[attr-defined]


def test_a_dull_line_takes_the_hiss_and_leaves_the_voice() -> None:
    hiss = noise("white")[:8000]
    assert decibels(muffled(hiss)) < decibels(hiss) - 3
    assert decibels(muffled(tone(0.5))) > decibels(tone(0.5)) - 2


def test_nothing_is_heard_in_an_empty_room() -> None:
    assert Microphone(PERFECT, Room()).tick(SILENT_FRAME, bytearray()) == SILENT_FRAME
