"""The verdicts as a person reads them."""

from __future__ import annotations

import io

from rich.console import Console

from app.simulator.evaluation.audible import HeardLine
from app.simulator.evaluation.judge import Verdict
from app.simulator.evaluation.table import print_heading, print_totals, print_verdict, totals

GOOD = Verdict(
    "slow-talker", "about", "CA1", (), voice_to_voice=(700, 900), clear=(120,), sounds=2, interruptions=1,
    turns=2, lines_cut=(HeardLine("a b", "a", 1), HeardLine("a b c", "a", 2)), lateness_ms=4.0,
)  # fmt: skip
BAD = Verdict(
    "echo", "about", "CA2", ("It [was] silent.",), sounds=1, fooled_by=1, wrong=1, interruptions=1, missed=1,
    turns=1, cut_off=1, lateness_ms=80.0, recording="/r/CA2.wav",
)  # fmt: skip


def shown(*verdicts: Verdict) -> str:
    file = io.StringIO()
    console = Console(file=file, width=100)
    print_heading(console)
    for verdict in verdicts:
        print_verdict(console, verdict)
    print_totals(console, verdicts)
    return file.getvalue()


def test_a_row_shows_the_slowest_of_its_times() -> None:
    (row,) = [line for line in shown(GOOD).splitlines() if "slow-talker" in line]
    assert row.split() == ["✓", "slow-talker", "900", "ms", "–", "120", "ms"]


def test_a_failure_is_shown_with_its_recording_and_a_late_caller_with_a_warning() -> None:
    text = shown(BAD)
    assert "It [was] silent." in text
    assert "/r/CA2.wav" in text
    assert "80 ms late" in text
    assert "late" not in shown(GOOD)


def test_the_totals_count_calls_turns_and_interruptions() -> None:
    total = totals([GOOD, BAD])
    assert (total.calls, total.passed, total.sounds, total.fooled_by, total.wrong) == (2, 1, 3, 1, 1)
    assert (total.interruptions, total.missed, total.turns, total.cut_off) == (2, 1, 3, 1)
    assert (total.lines_cut, total.lines_right) == (2, 1)
    assert "1 of 2 passed" in shown(GOOD, BAD)
