"""What is said of a call: each thing that ought to have come, and did not."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from app.simulator.evaluation.audible import HeardLine
from app.simulator.evaluation.judge import judge, wrong_cuts
from app.simulator.evaluation.scenario import Expectations, Scenario
from app.simulator.follow import ActionItem, Line, Stats, StoredCall, Summary
from app.simulator.report import CallReport, Cut, Turn
from app.simulator.violations import Violation

ASKED = Turn("What can you do?", 6000, 7000, 800, interrupting=False, clear_ms=None, owed_ms=800)
CUT_IN = Turn("Stop!", 9000, 9500, 900, interrupting=True, clear_ms=180, interrupts=True, owed_ms=900)
COUGH = Turn("(cough)", 9000, 9400, None, True, None, speech=False, interrupts=False)
STORED = StoredCall(
    status="completed",
    ended_at=datetime(2026, 11, 21, tzinfo=UTC),
    end_reason="agent_hung_up",
    stats=Stats(({"decision": 420, "first_audio": 700}, {"first_audio": 600})),
    transcript=(
        Line(1, "assistant", "What can I do for you?", True),
        Line(2, "user", "What can you do? It's 555 oh one.", True),
        Line(3, "assistant", "I can keep", True, interrupted=True),
    ),
    summary=Summary("s", action_items=(ActionItem("call Anna"),)),
)


def called(*turns: Turn, **changes: object) -> CallReport:
    values: dict[str, object] = {
        "call_sid": "CA1", "ok": True, "ended_by": "agent", "duration_ms": 20_000, "greeting_ms": 300,
        "turns": turns or (ASKED,), "trail": ("Connect",), "marks_received": 0, "marks_returned": 0,
        "cuts": (), "stream_ms": 20, "violations": (), "problems": (), "recording": "",
        "worst_lateness_ms": 3.0,
    }  # fmt: skip
    return CallReport(**(values | changes))  # type: ignore[arg-type]


def failures(
    expect: Expectations | None = None,
    report: CallReport | None = None,
    call: StoredCall | None = STORED,
    lines: tuple[HeardLine, ...] = (),
) -> tuple[str, ...]:
    scenario = Scenario("about", ("wait",), expect or Expectations(), name="x")
    return judge(scenario, report or called(), call, lines).failures


def test_a_call_that_went_well_passes_and_its_times_are_told() -> None:
    verdict = judge(Scenario("about", ("wait",), name="x"), called(ASKED, CUT_IN), STORED)
    assert verdict.passed
    assert (verdict.voice_to_voice, verdict.decision, verdict.clear) == ((800, 900), (420,), (180,))
    assert (verdict.turns, verdict.interruptions, verdict.missed, verdict.wrong) == (2, 1, 0, 0)


def test_everything_expected_is_found() -> None:
    expect = Expectations(
        agent_says=("what can i", "keep"), agent_never_says=("note",), caller_said=(r"\bdo\b",),
        caller_never_said=("keep",), digits="55501", understood=0.9, items=("anna",), interrupted=1,
        end_reason="agent_hung_up", ended_by="agent", dials=False, voice_to_voice=800, over_by=20,
    )  # fmt: skip
    assert failures(expect) == ()


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        (Expectations(agent_says=("keep", "what can")), "never said “what can” there"),
        (Expectations(agent_never_says=("keep",)), "The agent said “keep”"),
        (Expectations(caller_said=("goodbye",)), "Not stored of the caller: “goodbye”"),
        (Expectations(caller_never_said=("do",)), "Stored of the caller: “do”"),
        (Expectations(digits="5552"), "The digits 5552 were stored as 55501"),
        (Expectations(items=("milk",)), "Nothing to do is stored that fits “milk”"),
        (Expectations(interrupted=2), "1 of the agent's lines are stored as interrupted, not 2"),
        (Expectations(end_reason="transferred"), "stored as agent_hung_up, not transferred"),
        (Expectations(status="busy"), "stored as completed, not busy"),
        (Expectations(ended_by="caller"), "The agent hung up, not the caller"),
        (Expectations(dials=True), "Nobody was dialled"),
        (Expectations(voice_to_voice=700), "after 800 ms, not within 700"),
        (Expectations(silence=0.5), "silent for 0.8 s"),
        (Expectations(over_by=10), "took 20 s, not 10"),
    ],
)
def test_what_was_expected_and_did_not_come_is_told(expect: Expectations, told: str) -> None:
    (failure,) = failures(expect)
    assert told in failure


def test_words_that_were_not_understood_are_told() -> None:
    report = called(Turn("Something else entirely", 6000, 7000, 800, False, None))
    (failure,) = failures(Expectations(understood=0.5), report)
    assert failure.startswith("0% of the caller's words")


def test_an_interruption_without_effect_is_missed() -> None:
    report = called(Turn("Stop!", 9000, 9500, None, True, None, interrupts=True))
    assert failures(report=report) == ("“Stop!” did not stop the agent.",)


def test_an_interruption_that_took_too_long_is_told() -> None:
    (failure,) = failures(Expectations(clear=100), called(CUT_IN))
    assert "180 ms after it was interrupted, not within 100" in failure


def test_a_cough_that_stopped_the_agent_is_told_with_its_time() -> None:
    cough = msgspec.structs.replace(COUGH, started_ms=69_000, ended_ms=69_400)
    report = called(cough, cuts=(Cut(69_200, 900), Cut(80_000, 0)))
    verdict = judge(Scenario("about", ("wait",)), report, STORED)
    assert verdict.failures == ("The agent was stopped at 1:09.2 by what ought not to stop it.",)
    assert (verdict.wrong, verdict.sounds, verdict.fooled_by) == (1, 1, 1)


def test_many_wrong_interruptions_are_one_failure() -> None:
    (failure,) = failures(report=called(COUGH, cuts=tuple(Cut(1000 * n, 900) for n in range(9))))
    assert "stopped 9 times (0:00.0, 0:01.0, 0:02.0, 0:03.0, 0:04.0, …)" in failure


def test_an_agent_that_talks_into_a_sentence_is_told() -> None:
    report = called(Turn("My number is five", 6000, 9000, 700, False, None, cut_off=True))
    assert failures(report=report) == ("The agent talked into “My number is five”.",)


def test_what_is_stored_may_be_one_word_off_what_was_heard_and_no_more() -> None:
    assert failures(lines=(HeardLine("I can keep", "I can", 1),)) == ()
    (failure,) = failures(lines=(HeardLine("I can keep notes", "I can", 2),))
    assert "“…I can keep notes”; audible was: “…I can” (2 words more)" in failure


def test_what_twilio_would_warn_of_and_what_the_caller_missed_count() -> None:
    report = called(violations=(Violation(31951, "x"),), problems=("It was silent.",))
    assert failures(report=report) == ("Twilio would warn: 31951: x", "It was silent.")


def test_a_server_that_tells_nothing_does_not_pass() -> None:
    assert failures(call=None) == ("The server does not tell what it stored.",)


def test_a_clear_belongs_to_the_voice_it_follows() -> None:
    assert wrong_cuts([CUT_IN], [Cut(9180, 500), Cut(10_900, 500)]) == []
    assert wrong_cuts([CUT_IN], [Cut(8900, 500), Cut(12_000, 500)]) == [Cut(8900, 500), Cut(12_000, 500)]
    assert wrong_cuts([COUGH], [Cut(9100, 500)]) == [Cut(9100, 500)]
