"""A transcript in parts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.services.summarizer.parts import parts_of


@given(lines=st.lists(st.text(max_size=60)), characters=st.integers(1, 40))
def test_nothing_is_lost_and_no_part_is_too_long(lines: list[str], characters: int) -> None:
    parts = parts_of(lines, characters)
    assert "".join(piece for part in parts for piece in part) == "".join(lines)
    assert all(sum(map(len, part)) <= characters for part in parts)


@given(lines=st.lists(st.text(min_size=1, max_size=10)), characters=st.integers(10, 40))
def test_lines_that_fit_are_not_cut_and_no_two_neighbours_would_fit_in_one(
    lines: list[str], characters: int
) -> None:
    parts = parts_of(lines, characters)
    assert [line for part in parts for line in part] == lines
    sizes = [sum(map(len, part)) for part in parts]
    assert all(size + len(after[0]) > characters for size, after in zip(sizes, parts[1:], strict=False))


def test_a_long_line_is_cut_between_words() -> None:
    assert parts_of(["seven eight nine"], 12) == [["seven eight "], ["nine"]]
