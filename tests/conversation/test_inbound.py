from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.conversation.inbound import Inbound
from app.conversation.voice_thresholds import NUMBERS
from tests.conversation.sounds import (
    Sound,
    agent_speaks,
    at_level,
    decoded,
    echo,
    encoded,
    noise,
    recording,
    silence,
    together,
)

AGENT = np.concatenate([recording("jfk"), recording("jfk")])[:48000]
CALLER = recording("ps_cards5", -26)
BEGINS = 3.0
SPEAKS = slice(int((BEGINS + 0.2) * 8000), int((BEGINS + 1.4) * 8000))
"""Where the caller is heard."""


def passed(line: Sound, *, cleared_at: float | None = None, late: float = 0.0) -> Sound:
    """What the recogniser gets of a line on which the agent is audible from the beginning; `late`: seconds by
    which every other frame comes too late."""
    inbound = Inbound(NUMBERS)
    agent_speaks(inbound.voices, AGENT, 0.0)
    audio, out = encoded(line), b""
    for n, begin in enumerate(range(0, len(audio), 160)):
        now = (begin + 160) / 8000
        if cleared_at is not None and now >= cleared_at:
            inbound.voices.cleared(now)
            cleared_at = None
        out += inbound.hear(audio[begin : begin + 160], now + late * (n % 2))[0]
    return decoded(out + inbound.rest())


def left(line: Sound, clean: Sound, speaks: slice = SPEAKS, **how: float) -> float:
    """What the recogniser gets besides the caller, in decibels below the caller."""
    got = passed(line, **how)[speaks]
    want = decoded(encoded(clean))[speaks]
    return float(10 * np.log10(((got - want) ** 2).sum() / (want**2).sum()))


@pytest.mark.parametrize(("loss", "seconds"), [(12, 0.17), (16, 0.05), (20, 0.3)])
def test_the_recogniser_hardly_hears_the_echo_under_the_caller(loss: float, seconds: float) -> None:
    clean = together((BEGINS, CALLER))
    back = echo(AGENT, loss, seconds)
    line = together((0.0, back), (BEGINS, CALLER))
    untouched = 10 * np.log10((back[SPEAKS] ** 2).sum() / (clean[SPEAKS] ** 2).sum())
    assert left(line, clean) < untouched - 5


def test_frames_that_come_late_now_and_then_do_not_matter() -> None:
    line, clean = together((0.0, echo(AGENT, 12, 0.17)), (BEGINS, CALLER)), together((BEGINS, CALLER))
    assert left(line, clean, late=0.015) < -17


def test_when_the_caller_begins_does_not_matter() -> None:
    """What one stretch of an echo has taught depends on the sounds in it: the last one alone leaves -16 dB at
    some beginnings."""
    rest = []
    for begins in np.arange(3.0, 3.9, 0.11):
        speaks = slice(int((begins + 0.2) * 8000), int((begins + 1.4) * 8000))
        line, clean = together((0.0, echo(AGENT, 12, 0.17)), (begins, CALLER)), together((begins, CALLER))
        rest.append(left(line, clean, speaks))
    assert max(rest) < -19
    assert np.mean(rest) < -22.5


def test_nothing_is_subtracted_where_the_agent_was_cut_off() -> None:
    cut = BEGINS + 0.4
    line = together((0.0, echo(AGENT[: int(cut * 8000)], 12, 0.17)), (BEGINS, CALLER))
    after = slice(int((cut + 0.25) * 8000), SPEAKS.stop)
    got, heard = passed(line, cleared_at=cut)[after], decoded(encoded(line))[after]
    assert np.abs(got - heard).max() < 1e-3


def test_a_line_without_an_echo_is_passed_on_as_it_is() -> None:
    line = together((1.0, CALLER), (4.0, CALLER))
    assert encoded(passed(line))[: len(line)] == encoded(line)[: len(line)]


def test_a_line_that_was_not_heard_for_a_while_is_told_its_time_again() -> None:
    inbound = Inbound(NUMBERS)
    frame = encoded(noise(0.02, -60))
    for now in (1.0, 1.02, 9.0, 9.02):
        inbound.hear(frame, now)
    assert inbound.at(80) == pytest.approx(9.02)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.floats(0, 2), min_size=4, max_size=30))
def test_not_a_byte_more_or_less_comes_out_than_went_in(seed: int, gaps: list[float]) -> None:
    inbound, rng = Inbound(NUMBERS), np.random.default_rng(seed)
    agent_speaks(inbound.voices, at_level(rng.normal(size=16000), -20), 0.0)
    now, heard, out = 0.0, 0, 0
    for gap in gaps:
        audio = encoded(np.concatenate([at_level(rng.normal(size=800), -20), silence(0.02)]))
        now, heard = now + 0.12 + gap, heard + len(audio)
        out += len(inbound.hear(audio, now)[0])
    assert out + len(inbound.rest()) == heard
