"""The phones that a server calls: each with a number of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.simulator.evaluation.phones import Phones
from app.simulator.evaluation.scenario import AnsweredBy, Scenario
from app.simulator.evaluation.staging import Staged
from app.simulator.microphone import PERFECT
from app.simulator.script import WaitForHangUp


def staged(answered_by: AnsweredBy) -> Staged:
    scenario = Scenario("about", ("wait for hang up",), answered_by=answered_by, verdict_after=4)
    return Staged(scenario, (WaitForHangUp(),), PERFECT)


def test_every_call_has_a_number_of_its_own(tmp_path: Path) -> None:
    phones = Phones("AC1", "secret")
    numbers = [phones.expect(staged("human"), tmp_path) for _ in range(3)]
    assert len(set(numbers)) == 3
    assert all(number.startswith("+1500555") for number in numbers)


@pytest.mark.parametrize("outcome", ["busy", "no-answer", "failed"])
def test_a_phone_may_not_be_answered(tmp_path: Path, outcome: AnsweredBy) -> None:
    phones = Phones("AC1", "secret")
    callee = phones.callee(phones.expect(staged(outcome), tmp_path))
    assert callee.outcome == outcome


def test_a_phone_is_answered_as_the_scenario_says(tmp_path: Path) -> None:
    phones = Phones("AC1", "secret")
    callee = phones.callee(phones.expect(staged("machine_end_beep"), tmp_path))
    assert (callee.outcome, callee.answered_by, callee.verdict_after) == ("answers", "machine_end_beep", 4)
    assert callee.options["record_to"] == tmp_path
