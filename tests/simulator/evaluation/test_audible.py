"""What a caller could hear of a line that was cut."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from app.simulator import audio
from app.simulator.evaluation.audible import Ear, agent_track, cut_at
from app.simulator.follow import Line, StoredCall
from app.simulator.recording import write_recording
from app.simulator.report import Cut, unanswered
from tests.simulator.agent_server import SPEECH, YES


def line(ended_ms: int) -> Line:
    return Line(1, "assistant", "And so, my fellow Americans", True, 0, interrupted=True, ended_ms=ended_ms)


@pytest.mark.parametrize(
    ("ended_ms", "cuts", "at"),
    [
        (5000, (Cut(2000, 1), Cut(5300, 0), Cut(9000, 1)), 5300),
        (5000, (Cut(2000, 1),), 5100),
        (19_500, (Cut(2000, 1),), 20_000),
    ],
)
def test_a_line_was_cut_by_the_clear_nearest_to_its_end_or_by_the_end_of_the_call(
    ended_ms: int, cuts: tuple[Cut, ...], at: int
) -> None:
    report = msgspec.structs.replace(unanswered("CA1"), duration_ms=20_000, stream_ms=100, cuts=cuts)
    assert cut_at(line(ended_ms), report) == at


def test_the_agents_side_of_a_recording_is_read_back_bit_by_bit(tmp_path: Path) -> None:
    agent = audio.load(SPEECH / "jfk.wav")[: len(YES)]
    write_recording(tmp_path / "call.wav", YES, agent)
    assert agent_track(tmp_path / "call.wav") == agent


async def test_the_ear_hears_the_words_up_to_the_cut(tmp_path: Path) -> None:
    agent = audio.load(SPEECH / "jfk.wav")
    write_recording(tmp_path / "call.wav", b"\xff" * len(agent), agent)
    report = msgspec.structs.replace(
        unanswered("CA1"), duration_ms=11_000, cuts=(Cut(2800, 1),), recording=str(tmp_path / "call.wav")
    )
    short = Line(2, "assistant", "And so", True, 0, interrupted=True, ended_ms=2800)
    async with Ear() as ear:
        heard = await ear.listen(
            report, StoredCall(transcript=(line(2800), short, Line(3, "user", "Hm.", True)))
        )
    assert [found.apart for found in heard] == [0, -3]


async def test_an_ear_that_could_not_be_had_measures_nothing() -> None:
    assert await Ear().listen(unanswered("CA1"), StoredCall()) == ()
