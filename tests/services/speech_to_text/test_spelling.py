from __future__ import annotations

import pytest

from app.services.speech_to_text.spelling import modern


@pytest.mark.parametrize(
    ("heard", "written"),
    [
        ("Call Anna to-morrow at three o'clock..", "Call Anna tomorrow at three o'clock."),
        ("To-day and to-night.", "Today and tonight."),
        ("Good-bye.", "Goodbye."),
        ("Well... a well-known to-do list.", "Well... a well-known to-do list."),
        ("At half-past three.", "At half past three."),
        ("Quarter-to five, or a quarter-past-six.", "Quarter to five, or a quarter past six."),
        ("A half-price quarter-back.", "A half-price quarter-back."),
        ("Call Anna at three to clock. Or at 11 a clock?", "Call Anna at three o'clock. Or at 11 o'clock?"),
        (
            "At three to a clock, four of the clock, five of o'clock.",
            "At three o'clock, four o'clock, five o'clock.",
        ),
        ("At six o'clock.", "At six o'clock."),
        ("Two to clocks, and a clock.", "Two to clocks, and a clock."),
        (" Yes. ", "Yes."),
        ("You.", ""),
        ("You and I.", "You and I."),
    ],
)
def test_old_spellings_become_todays_and_nothing_else_changes(heard: str, written: str) -> None:
    assert modern(heard) == written
