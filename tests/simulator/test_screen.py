"""What a person sees of a call, and where it comes from."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from app.simulator.follow import ActionItem, Line, Summary, decode
from app.simulator.report import CallReport, Cut, Turn
from app.simulator.screen import (
    TranscriptScreen,
    percentile,
    print_latencies,
    print_report,
    print_summary,
    print_totals,
)
from app.simulator.violations import Violation


def pipe() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=120), file


def report(**changes: object) -> CallReport:
    values: dict[str, object] = {
        "call_sid": "CA1", "ok": True, "ended_by": "agent", "duration_ms": 12300, "greeting_ms": 420,
        "turns": (Turn("Note.", 1000, 2000, 800, False, None), Turn("No.", 5000, 5500, 900, True, 210)),
        "trail": ("Connect", "Hangup"), "marks_received": 3, "marks_returned": 3,
        "cuts": (Cut(5210, 400),), "stream_ms": 0,
        "violations": (), "problems": (), "recording": "/r/CA1.wav", "worst_lateness_ms": 3.0,
    }  # fmt: skip
    return CallReport(**(values | changes))  # type: ignore[arg-type]


def test_a_pipe_gets_the_final_lines_and_no_control_codes() -> None:
    console, file = pipe()
    with TranscriptScreen(console) as screen:
        screen.show(Line(1, "user", "Take a", started_ms=61_000))
        screen.show(Line(1, "user", "Take a note.", True, 61_000))
        screen.show(Line(1, "user", "Take a note.", True, 61_000))
        screen.show(Line(2, "assistant", "What should it", True, 63_000, interrupted=True))
    assert [line.split(maxsplit=2) for line in file.getvalue().splitlines()] == [
        ["1:01", "caller", "Take a note."],
        ["1:03", "agent", "What should it —"],
    ]
    assert [line.seq for line in screen.lines] == [1, 2]


def test_a_terminal_sees_a_line_grow_and_keeps_its_final_version() -> None:
    file = io.StringIO()
    with TranscriptScreen(Console(file=file, width=80, force_terminal=True)) as screen:
        screen.show(Line(1, "user", "Take a"))
        screen.show(Line(1, "user", "Take a note.", True))
    assert "\x1b[" in file.getvalue()
    assert "Take a note." in file.getvalue()


def test_an_event_is_decoded_by_its_name() -> None:
    data = '{"seq":3,"speaker":"assistant","text":"Hi","is_final":true,"confidence":null,"revision":7}'
    assert decode("transcript", data) == Line(3, "assistant", "Hi", True)
    assert decode("heartbeat", "") is None


def test_the_summary_names_what_is_due_when() -> None:
    console, file = pipe()
    item = decode(
        "summary",
        '{"summary":"s","action_items":[{"text":"call Anna","due_at":"2026-11-22T16:00:00+00:00"}]}',
    )
    assert isinstance(item, Summary)
    print_summary(console, item)
    assert "☐ call Anna   due Sunday 22 November 2026, 16:00" in file.getvalue()


def test_an_item_without_a_time_has_none() -> None:
    console, file = pipe()
    print_summary(console, Summary("s", ("point [one]",), (ActionItem("buy milk"),)))
    assert "due" not in file.getvalue()
    assert "• point [one]" in file.getvalue()


def test_the_report_shows_latencies_and_failures() -> None:
    console, file = pipe()
    print_report(console, report(violations=(Violation(31951, "x [y]"),), problems=("It was silent.",)))
    text = file.getvalue()
    for expected in (
        "420 ms",
        "800 ms",
        "210 ms",
        "interrupting",
        "/r/CA1.wav",
        "31951: x [y]",
        "It was silent.",
    ):
        assert expected in text


def test_what_the_server_measured_is_shown_by_turn_with_what_callers_feel_first() -> None:
    console, file = pipe()
    print_latencies(console, [{"decision": 310, "voice_to_voice": 720, "new": 1}, {"decision": 290}])
    rows = [line.strip("│┃ ") for line in file.getvalue().splitlines()]
    assert [cell.strip() for cell in rows[2].split("┃")] == ["turn", "voice to voice", "turn is over"]
    assert [cell.strip() for cell in rows[4].split("│")] == ["1", "720 ms", "310 ms"]
    assert [cell.strip() for cell in rows[5].split("│")] == ["2", "–", "290 ms"]


def test_a_server_that_measures_nothing_has_no_table() -> None:
    console, file = pipe()
    print_latencies(console, [{}, {"new": 1}])
    assert file.getvalue() == ""


def test_many_calls_are_summed_up() -> None:
    console, file = pipe()
    print_totals(console, [report(), report(ok=False, greeting_ms=None, problems=("It was silent.",))])
    text = file.getvalue()
    assert "1 of 2 calls went well" in text
    assert text.count("It was silent.") == 1


@pytest.mark.parametrize(("part", "value"), [(50, 5), (95, 10), (100, 10), (1, 1)])
def test_a_percentile_is_one_of_the_values(part: int, value: int) -> None:
    assert percentile(range(1, 11), part) == value


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_so_many_values_do_not_exceed_a_percentile(values: list[int], part: int) -> None:
    found = percentile(sorted(values), part)
    assert sum(value <= found for value in values) * 100 >= part * len(values)
