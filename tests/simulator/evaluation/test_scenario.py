"""Scenario files: what can be written, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import OffhookError
from app.simulator.evaluation.lined_yaml import ScenarioError, read
from app.simulator.evaluation.scenario import Scenario, find, load


def parsed(text: str) -> Scenario:
    return read(text, "x.yaml", Scenario)


def test_the_simplest_scenario() -> None:
    scenario = parsed("about: hi\ncaller:\n- say: Hello.\n- wait for hang up\n")
    say, end = scenario.caller
    assert not isinstance(say, str)
    assert say.say == "Hello."
    assert end == "wait for hang up"


def test_words_that_older_yaml_takes_for_something_else_stay_words() -> None:
    scenario = parsed("about: off\ncaller:\n- say: no\n- press: 0123\n- press: 7\nfrom: +15550100\n")
    say, zeros, seven = scenario.caller
    assert not isinstance(say, str)
    assert not isinstance(zeros, str)
    assert not isinstance(seven, str)
    assert (scenario.about, say.say, zeros.press, seven.press) == ("off", "no", "0123", 7)
    assert scenario.from_number == "+15550100"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("about: x\ncaller:\n- say: hi\n  loud: 3\n", 3, "there is no `loud`"),
        ("about: x\ncaller:\n- say: hi\n  level: much\n", 4, "expected a number, not a text"),
        ("about: x\ncaller:\n- say: hi\n  level: 90\n", 4, "a number <= 20"),
        ("about: x\ncaller:\n- say: hi\n- play: a.wav\n  say: ho\n", 4, "say, play"),
        ("about: x\ncaller:\n- say: hi\n- pause: 3\n  voice: low\n", 4, "`voice` says nothing about `pause`"),
        ("about: x\ncaller:\n- say: hi\n  over: 1\n  at: 3\n", 3, "only one of at, over"),
        ("about: x\ncaller:\n- press: 12A\n", 3, "keys are 0-9, * and #"),
        ("about: x\ncaller:\n- sound: sneeze\n", 3, "'sneeze' is not one of"),
        ("about: x\ncaller:\n- hang  up\n", 3, "'hang  up'"),
        ("about: x\ncaller: []\n", 1, "the caller does nothing"),
        ("about: x\nexpect: {}\n", 1, "what is missing is `caller`"),
        ("about: x\ncaller:\n- wait\nexpect:\n  agent_says: ['(']\n", 4, "no regular expression"),
        ("about: x\nabout: y\n", 2, "`about` stands there twice"),
        ("about: x\ncaller:\n- say: [\n", 4, "no YAML"),
        ("", 1, "expected a group"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parsed(text)
    assert f"x.yaml, line {line}: " in str(error.value)
    assert what in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OffhookError, match=r"nowhere\.yaml"):
        load(tmp_path / "nowhere.yaml")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(OffhookError, match=r"no scenario 'nonsense'.*slow-talker"):
        find(["nonsense"])


def test_scenarios_are_found_by_name_file_and_folder(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("about: mine\ncaller: [wait]\n")
    assert [found.name for found in find(["correction", str(file), str(tmp_path)])] == [
        "correction",
        "mine",
        "mine",
    ]


def test_at_least_25_scenarios_come_with_offhook_and_all_can_be_read() -> None:
    scenarios = find([])
    assert len(scenarios) >= 25
    assert len({scenario.about for scenario in scenarios}) == len(scenarios)
