"""The caller with a phone."""

from __future__ import annotations

from app.simulator.handset import Handset
from app.simulator.script import WaitForTurn


def problems(*, ringing: bool) -> list[str]:
    """What a caller with a second's patience minds in two seconds of silence."""
    handset = Handset([WaitForTurn(patience=1.0)], max_ms=60_000)
    handset.begin()
    for _ in range(100):
        handset.tick(ringing=ringing)
    return handset.scene.problems


def test_a_caller_minds_an_agent_who_is_silent() -> None:
    assert problems(ringing=False) == ["The agent said nothing for 1 seconds, 1.0 s into the call."]


def test_a_caller_who_is_being_connected_does_not_wait_for_the_agents_words() -> None:
    assert problems(ringing=True) == []
