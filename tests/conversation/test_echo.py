from __future__ import annotations

import numpy as np
import pytest

from app.conversation.echo import COMPARED, Echo
from tests.conversation.sounds import echo, encoded, recording

AGENT = recording("jfk")[:32000]
"""Four seconds."""


def comes_back(found: Echo, late: float, now: float) -> None:
    """What is heard up to `now` is the agent's voice, 20 dB softer and so many seconds late."""
    line, end = 32768 * echo(AGENT, 20, late), round(now * 8000)
    assert found.explains(np.asarray(line[end - COMPARED : end]), now) > 0.5


@pytest.mark.parametrize(
    ("heard", "known"),
    [
        ([(0.2, 1.0)], False),
        ([(0.2, 1.0), (0.2, 1.1)], False),
        ([(0.2, 1.0), (0.3, 2.0)], False),
        ([(0.2, 1.0), (0.2, 2.0)], True),
        ([(0.3, 1.0), (0.2, 1.5), (0.2, 2.0)], True),
    ],
    ids=["once", "the same sound twice", "not equally late", "equally late", "equally late in the end"],
)
def test_an_echo_is_known_once_two_sounds_came_back_equally_late(
    heard: list[tuple[float, float]], known: bool
) -> None:
    found = Echo()
    found.sent(encoded(AGENT), 0.0)
    for late, now in heard:
        comes_back(found, late, now)
    assert found.known is known


@pytest.mark.parametrize(("db", "explained"), [(-12, True), (-7, True), (3, False), (6, False)])
def test_what_is_louder_than_any_echo_is_none(db: float, explained: bool) -> None:
    found = Echo()
    found.sent(encoded(AGENT), 0.0)
    line, end = 32768 * echo(AGENT, -db, 0.2), 8000
    share = found.explains(np.asarray(line[end - COMPARED : end]), 1.0)
    assert (share > 0.5) is explained
