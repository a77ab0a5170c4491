"""What makes the demo a success."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from app.simulator import audio
from app.simulator.demo import RECORDINGS, shortcomings
from app.simulator.follow import ActionItem, Line, Summary
from app.simulator.report import CallReport, Turn
from app.simulator.screen import TranscriptScreen

REPORT = CallReport(
    call_sid="CA1",
    ok=True,
    ended_by="agent",
    duration_ms=1000,
    greeting_ms=400,
    turns=(
        Turn("Remind me to call Anna tomorrow at three o'clock.", 0, 900, 700, False, None),
        Turn("That's all, goodbye.", 2000, 2900, 700, False, None),
    ),
    trail=("Connect", "Hangup"),
    marks_received=0,
    marks_returned=0,
    cuts=(),
    stream_ms=0,
    violations=(),
    problems=(),
    recording="",
    worst_lateness_ms=1.0,
)
SUMMARY = Summary("A reminder.", action_items=(ActionItem("call Anna"),))


def heard(*texts: str, summary: Summary | None = SUMMARY) -> TranscriptScreen:
    screen = TranscriptScreen(Console(file=io.StringIO()))
    for seq, text in enumerate(texts):
        screen.show(Line(seq, "user", text, True))
    if summary:
        screen.show(summary)
    return screen


def test_small_errors_of_the_recogniser_are_forgiven() -> None:
    screen = heard("Remind me to call Anna to-morrow at 3 o'clock", "Thats all goodbye")
    assert shortcomings(REPORT, screen) == []


@pytest.mark.parametrize(
    ("screen", "what"),
    [
        (heard("Remind me to call Anna tomorrow"), "Only 6 of the caller's 12 words"),
        (heard(*(turn.text for turn in REPORT.turns), summary=None), "no summary"),
        (heard(*(turn.text for turn in REPORT.turns), summary=Summary("Nothing.")), "no action item"),
    ],
)
def test_what_is_missing_is_named(screen: TranscriptScreen, what: str) -> None:
    (failure,) = shortcomings(REPORT, screen)
    assert what in failure


def test_the_recordings_of_the_demo_ship_with_it() -> None:
    notes = (RECORDINGS / "LICENSES.md").read_text()
    recordings = sorted(RECORDINGS.glob("*.wav"))
    assert len(recordings) == 2
    for recording in recordings:
        assert audio.load(recording)
        assert recording.name in notes
