"""The verdicts on a terminal: one row a scenario as it is played, and the totals."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.simulator.evaluation.judge import WORDS_APART, Verdict
from app.simulator.screen import percentile

_COLUMNS = ("voice-to-voice", "decision", "clear")


class Totals(msgspec.Struct, frozen=True):
    """All calls together."""

    calls: int
    passed: int
    wrong: int
    sounds: int
    fooled_by: int
    interruptions: int
    missed: int
    turns: int
    cut_off: int
    lines_cut: int
    lines_right: int
    """Interrupted lines that are stored as they were heard, give or take a word."""
    worst_lateness_ms: float


def totals(verdicts: Sequence[Verdict]) -> Totals:
    lines = [line for verdict in verdicts for line in verdict.lines_cut]
    return Totals(
        calls=len(verdicts),
        passed=sum(verdict.passed for verdict in verdicts),
        wrong=sum(verdict.wrong for verdict in verdicts),
        sounds=sum(verdict.sounds for verdict in verdicts),
        fooled_by=sum(verdict.fooled_by for verdict in verdicts),
        interruptions=sum(verdict.interruptions for verdict in verdicts),
        missed=sum(verdict.missed for verdict in verdicts),
        turns=sum(verdict.turns for verdict in verdicts),
        cut_off=sum(verdict.cut_off for verdict in verdicts),
        lines_cut=len(lines),
        lines_right=sum(abs(line.apart) <= WORDS_APART for line in lines),
        worst_lateness_ms=max((verdict.lateness_ms for verdict in verdicts), default=0.0),
    )


def print_heading(console: Console) -> None:
    """Above the rows, which come one by one."""
    console.print(Text(_row("", "scenario", *_COLUMNS), "bold"))


def print_verdict(console: Console, verdict: Verdict) -> None:
    """One scenario: the slowest of its times, and what failed."""
    values = (verdict.voice_to_voice, verdict.decision, verdict.clear)
    row = _row("✓" if verdict.passed else "✗", verdict.scenario, *map(_worst, values))
    console.print(Text(row, "green" if verdict.passed else "red"))
    for failure in verdict.failures:
        console.print(Text(textwrap.indent(failure, "      "), "red"), soft_wrap=True)
    if verdict.measured_late:
        late = f"      The caller itself was {verdict.lateness_ms:.0f} ms late: its times say little."
        console.print(Text(late, "yellow"))
    if verdict.failures and verdict.recording:
        console.print(Text(f"      {verdict.recording}", "dim"), soft_wrap=True)


def print_totals(console: Console, verdicts: Sequence[Verdict]) -> None:
    """How many passed, how often turns were taken wrongly, and the times of all turns."""
    total = totals(verdicts)
    console.print()
    table = Table(title="milliseconds", title_justify="left", title_style="bold")
    for heading in ("", "measured", "p50", "p95", "worst"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, values in (
        ("voice-to-voice", [ms for verdict in verdicts for ms in verdict.voice_to_voice]),
        ("end-of-turn decision", [ms for verdict in verdicts for ms in verdict.decision]),
        ("clear after an interruption", [ms for verdict in verdicts for ms in verdict.clear]),
    ):
        ranked = sorted(values)
        ranks = [str(percentile(ranked, part)) if ranked else "–" for part in (50, 95, 100)]
        table.add_row(name, str(len(ranked)), *ranks)
    console.print(table)
    console.print(
        f"wrong interruptions  {total.wrong}; {total.fooled_by} of {total.sounds} sounds stopped the agent"
    )
    console.print(f"missed interruptions {total.missed} of {total.interruptions}")
    console.print(f"cut-off turns        {total.cut_off} of {total.turns}")
    console.print(
        f"stored as heard ±{WORDS_APART}   {total.lines_right} of {total.lines_cut} interrupted lines"
    )
    console.print(f"[bold]{total.passed} of {total.calls} passed.[/]")


def _row(mark: str, name: str, *values: str) -> str:
    return f"{mark:2}{name:30}" + "".join(f"{value:>16}" for value in values)


def _worst(values: Sequence[int]) -> str:
    return f"{max(values)} ms" if values else "–"
