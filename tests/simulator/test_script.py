"""What the caller does, and what it waits for: run at the speed of the machine."""

from __future__ import annotations

from collections.abc import Sequence

from app.simulator.handset import Handset
from app.simulator.script import (
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
from tests.simulator.agent_server import YES, tone


def run(steps: Sequence[Step], agent: dict[int, bytes], max_ms: int = 60_000) -> Handset:
    """Perform the steps against an agent that sends this audio at these times (ms)."""
    handset = Handset(steps, max_ms)
    handset.begin()
    while True:
        if audio := agent.get(handset.phone.now_ms):
            handset.phone.play(audio)
        if handset.tick().moment.hang_up:
            return handset


def test_the_end_of_the_script_is_a_hang_up() -> None:
    assert run([Pause(1.0)], {}).phone.now_ms == 1020


def test_the_turn_is_ours_when_the_agent_has_spoken_and_is_silent() -> None:
    handset = run([WaitForTurn(silence=0.7)], {1000: tone(2.0)})
    assert handset.phone.now_ms == 1000 + 2000 + 700 + 20
    assert handset.scene.problems == []


def test_a_pause_in_the_agents_speech_is_not_the_end_of_its_turn() -> None:
    handset = run([WaitForTurn(silence=0.7)], {0: tone(1.0), 1600: tone(1.0)})
    assert handset.phone.now_ms == 2600 + 700 + 20


def test_audio_that_is_still_to_come_means_that_the_turn_is_not_ours() -> None:
    handset = run([WaitForTurn(silence=0.7)], {0: tone(0.5) + b"\xff" * 8000 + tone(0.5)})
    assert handset.phone.now_ms == 2000 + 700 + 20


def test_a_silent_agent_is_a_problem_after_a_while() -> None:
    handset = run([WaitForTurn(patience=3)], {})
    assert handset.scene.problems == ["The agent said nothing for 3 seconds, 3.0 s into the call."]


def test_our_own_speech_does_not_use_up_the_patience() -> None:
    handset = run([Play(YES * 4), WaitForTurn(patience=3)], {6000: tone(1.0)})
    assert handset.scene.problems == []


def test_what_the_agent_said_before_our_turn_is_no_answer_to_it() -> None:
    handset = run(
        [WaitForTurn(), Play(YES, "yes"), WaitForTurn(silence=0.5)], {0: tone(1.0), 5000: tone(1.0)}
    )
    assert handset.phone.now_ms == 6000 + 500 + 20


def test_the_rest_of_interrupted_speech_is_no_answer() -> None:
    handset = run(
        [WaitForSpeech(0.5), Play(YES, "no"), WaitForTurn(silence=0.5)], {0: tone(2.0), 4000: tone(1.0)}
    )
    assert handset.phone.now_ms == 5000 + 500 + 20


def test_an_interruption_begins_after_so_much_audible_speech() -> None:
    handset = run([WaitForSpeech(0.6), Play(YES, "no")], {1000: tone(5.0)})
    (utterance,) = handset.scene.utterances
    assert utterance.text == "no"
    assert 1600 <= utterance.voice.start_ms <= 2000


def test_an_utterance_is_timed_by_its_voice_not_by_its_file() -> None:
    silence = b"\xff" * 8000
    handset = run([Pause(0.5), Play(silence + tone(0.4) + silence, "tone")], {})
    (utterance,) = handset.scene.utterances
    assert (utterance.voice.start_ms, utterance.voice.end_ms) == (1500, 1900)


def test_keys_are_pressed_one_after_the_other() -> None:
    handset = Handset([Press("12#")], 5000)
    handset.begin()
    moments = [handset.tick().moment for _ in range(19)]
    assert [moment.digit for moment in moments if moment.digit] == ["1", "2", "#"]
    assert moments[-1].hang_up


def test_an_agent_that_does_not_hang_up_is_a_problem() -> None:
    handset = run([WaitForHangUp(patience=2)], {500: tone(0.5)})
    assert handset.phone.now_ms == 3000 + 20
    assert handset.scene.problems == [
        "The agent did not hang up within 2 seconds of silence, 3.0 s into the call."
    ]


def test_nothing_is_said_before_there_is_a_stream() -> None:
    handset = Handset([Play(YES)], 5000)
    assert handset.tick().moment.frame == b"\xff" * 160


def test_a_murmur_while_the_agent_speaks_does_not_end_the_listening() -> None:
    handset = run(
        [WaitForSpeech(0.5), Play(YES, "yeah", interrupts=False), WaitForTurn(silence=0.5)], {0: tone(3.0)}
    )
    assert handset.phone.now_ms == 3000 + 500 + 20
    assert handset.scene.problems == []


def test_what_the_agent_says_next_must_begin_in_time() -> None:
    steps = [Listen(within=2, silence=0.5), Listen(within=3, silence=0.5)]
    handset = run(steps, {1000: tone(1.0), 4000: tone(1.0)})
    assert handset.scene.problems == []
    assert handset.phone.now_ms == 5000 + 500 + 20
    late = run(steps, {1000: tone(1.0), 5600: tone(1.0)})
    assert late.scene.problems == ["The agent said nothing within 3 seconds, 5.0 s into the call."]


def test_what_the_agent_says_next_may_come_too_early() -> None:
    handset = run(
        [Listen(2, silence=0.5), Listen(9, not_before=7, silence=0.5)], {0: tone(1.0), 3000: tone(1.0)}
    )
    (problem,) = handset.scene.problems
    assert "after 2.0 seconds, before 7 had passed" in problem


def test_a_step_can_wait_for_a_time() -> None:
    assert run([Pause(0.5), WaitUntil(2.0)], {}).phone.now_ms == 2020


def test_listening_in_vain_is_told_once_each_time() -> None:
    handset = run([Listen(within=2), Listen(within=3)], {})
    assert handset.scene.problems == [
        "The agent said nothing within 2 seconds, 2.0 s into the call.",
        "The agent said nothing within 3 seconds, 5.0 s into the call.",
    ]
