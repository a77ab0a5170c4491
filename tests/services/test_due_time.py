"""Times as language models write them."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.services.due_time import parse_due
from tests.services.language_model.talking import BERLIN, SATURDAY_MORNING


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)))
def test_any_time_with_an_offset_is_that_moment_in_the_callers_zone(moment: datetime) -> None:
    due = parse_due(moment.isoformat(), SATURDAY_MORNING)
    assert due.timestamp() == moment.timestamp()
    assert due.tzinfo is BERLIN


@pytest.mark.parametrize(
    "text", ["2026-11-22T15:00+01:00", "2026-11-22T14:00:00Z", "2026-11-22 15:00:00+01:00"]
)
def test_the_usual_spellings_are_understood(text: str) -> None:
    assert f"{parse_due(text, SATURDAY_MORNING):%H:%M}" == "15:00"


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-11-22", "15:00", "2026-11-22T15:00:00", "0001-01-01T00:00:00+14:00"]
)
def test_anything_else_is_told_apart(text: str) -> None:
    with pytest.raises(ValueError, match=r"not like 2026-11-21T08:12:30\+01:00"):
        parse_due(text, SATURDAY_MORNING)
