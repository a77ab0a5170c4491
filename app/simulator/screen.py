"""A call in a terminal: the transcript as it grows, and what came of it. In a pipe, the final lines only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from app.simulator.follow import CallEvent, Line, Summary
from app.simulator.report import CallReport

STAGES = {
    "voice_to_voice": "voice to voice",
    "decision": "turn is over",
    "final": "words are final",
    "first_token": "first token",
    "first_audio": "first audio",
    "first_frame": "first frame sent",
    "first_mark": "first mark back",
}
"""The stages of a turn in their order, by the server's names; the one that callers feel comes first."""
_SPEAKERS = {"user": ("caller", "cyan"), "assistant": ("agent", "green")}


def line_row(line: Line) -> Table:
    """`  0:03  caller  Please take a note.`; what was cut ends in a dash, what still changes is dim."""
    name, colour = _SPEAKERS[line.speaker]
    minutes, seconds = divmod(line.started_ms // 1000, 60)
    said = f"{line.text.rstrip(' .,;:')} —" if line.interrupted else line.text
    row = Table.grid(Column(width=6, justify="right"), Column(width=6), Column(), padding=(0, 2, 0, 0))
    row.add_row(
        Text(f"{minutes}:{seconds:02d}", "dim"),
        Text(name, f"bold {colour}" if line.is_final else f"dim {colour}"),
        Text(said, colour if line.is_final else f"dim italic {colour}"),
    )
    return row


class TranscriptScreen:
    """Shows events in order: final lines stay, the ones that grow are redrawn beneath them."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._growing: dict[int, Line] = {}
        self._shown: set[int] = set()
        self._live: Live | None = None
        if console.is_terminal and not console.is_dumb_terminal:
            self._live = Live(console=console, transient=True, refresh_per_second=10)
        self.lines: list[Line] = []
        """The final lines so far."""
        self.summary: Summary | None = None

    def __enter__(self) -> TranscriptScreen:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()

    def note(self, text: str) -> None:
        """Something a person should know, between the lines."""
        self._console.print(Text(text, "yellow"))

    def show(self, event: CallEvent) -> None:
        """Take the next event of the call."""
        if isinstance(event, Summary):
            self.summary = event
        elif isinstance(event, Line) and event.seq not in self._shown:
            if event.is_final:
                self._growing.pop(event.seq, None)
                self._shown.add(event.seq)
                self.lines.append(event)
                self._console.print(line_row(event))
            else:
                self._growing[event.seq] = event
            if self._live:
                self._live.update(Group(*(line_row(line) for _, line in sorted(self._growing.items()))))


def print_summary(console: Console, summary: Summary) -> None:
    """Summary, key points and action items with their due times."""
    console.print()
    console.print(Text("Summary", "bold"), Text(f"({summary.model})", "dim"))
    console.print(Text(f"  {summary.summary}"))
    if summary.key_points:
        console.print(Text("Key points", "bold"))
        for point in summary.key_points:
            console.print(Text(f"  • {point}"))
    if summary.action_items:
        console.print(Text("Action items", "bold"))
        for item in summary.action_items:
            due = f"  due {item.due_at:%A %d %B %Y, %H:%M}" if item.due_at else ""
            console.print(Text(f"  ☐ {item.text}"), Text(due, "yellow"))


def print_report(console: Console, report: CallReport) -> None:
    """The latencies, what was wrong, and where the recording is."""
    table = Table(title="Latency, as heard on the caller's phone", title_justify="left", title_style="bold")
    for heading in ("the caller says", "answer after", "silent after"):
        table.add_column(heading, justify="left" if heading == "the caller says" else "right")
    table.add_row(Text("(picks up: greeting)", "dim"), _ms(report.greeting_ms), "")
    for turn in report.turns:
        said = Text(turn.text or "(recording)")
        said.truncate(60, overflow="ellipsis")
        table.add_row(
            said + Text("  interrupting", "yellow") if turn.interrupting else said,
            _ms(turn.answer_ms),
            _ms(turn.clear_ms) if turn.interrupting else "",
        )
    console.print()
    console.print(table)
    ended = {"caller": "the caller hung up", "agent": "the agent hung up", "error": "it broke off"}
    console.print(
        f"{report.duration_ms / 1000:.1f} s, {ended[report.ended_by]}; {report.marks_returned} of "
        f"{report.marks_received} marks returned, cleared {len(report.cuts)} times; "
        f"the caller's own worst frame was {report.worst_lateness_ms:.0f} ms late."
    )
    if report.recording:
        console.print(Text(f"Recording (left caller, right agent): {report.recording}"), soft_wrap=True)
    print_failures(console, [report])


def print_latencies(console: Console, latencies: Sequence[Mapping[str, int]]) -> None:
    """A row a turn, a column for each stage that the server tells of."""
    known = [name for name in STAGES if any(name in stages for stages in latencies)]
    if not known:
        return
    table = Table(title="Latency, as the server measured it", title_justify="left", title_style="bold")
    table.add_column("turn", justify="right")
    for name in known:
        table.add_column(STAGES[name], justify="right")
    for number, stages in enumerate(latencies, 1):
        table.add_row(str(number), *(_ms(stages.get(name)) for name in known))
    console.print(table)
    console.print(Text("Each from the end of the caller's voice.", "dim"))


def print_failures(console: Console, reports: Sequence[CallReport]) -> None:
    """Everything that makes the calls fail, each once."""
    for violation in sorted({str(violation) for report in reports for violation in report.violations}):
        console.print(Text(f"Twilio would warn: {violation}", "red"), soft_wrap=True)
    for problem in sorted({problem for report in reports for problem in report.problems}):
        console.print(Text(problem, "red"), soft_wrap=True)


def print_totals(console: Console, reports: Sequence[CallReport]) -> None:
    """Many calls at once: the middle and the slow end of each latency."""
    table = Table(title=f"{len(reports)} calls", title_justify="left", title_style="bold")
    for heading in ("latency", "measured", "p50", "p95", "worst"):
        table.add_column(heading, justify="left" if heading == "latency" else "right")
    turns = [turn for report in reports for turn in report.turns]
    for name, values in (
        ("greeting", [report.greeting_ms for report in reports]),
        ("answer (voice to voice)", [turn.answer_ms for turn in turns]),
        ("silent after an interruption", [turn.clear_ms for turn in turns]),
    ):
        known = sorted(value for value in values if value is not None)
        ranks = [_ms(percentile(known, part) if known else None) for part in (50, 95, 100)]
        table.add_row(name, str(len(known)), *ranks)
    console.print(table)
    good = sum(report.ok for report in reports)
    worst = max(report.worst_lateness_ms for report in reports)
    console.print(
        f"{good} of {len(reports)} calls went well; the callers' own worst frame was {worst:.0f} ms late."
    )
    print_failures(console, reports)


def percentile(ordered: Sequence[int], part: int) -> int:
    """The smallest value that `part` % of them do not exceed (nearest rank)."""
    return ordered[max(0, -(-len(ordered) * part // 100) - 1)]


def _ms(value: int | None) -> str:
    return "–" if value is None else f"{value} ms"
