from __future__ import annotations

import asyncio
from functools import partial

import pytest

from app.limits.slices import LATE_SECONDS, MOST_SECONDS, Slices


def idle() -> float:
    """A clock on which nothing takes any time."""
    return 0.0


async def iterations(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_slice_is_taken_an_iteration_in_the_order_in_which_they_came() -> None:
    slices, taken = Slices(idle), ""

    def take(name: str) -> None:
        nonlocal taken
        taken += name

    for name in "abc":
        slices.add(partial(take, name))
    for expected in ("a", "ab", "abc", "abc"):
        await iterations(1)
        assert taken == expected


async def test_what_is_left_after_a_slice_waits_behind_those_of_others() -> None:
    slices, taken = Slices(idle), ""

    def take(name: str, left: int) -> None:
        nonlocal taken
        taken += name
        if left:
            slices.add(partial(take, name, left - 1))

    slices.add(partial(take, "a", 2))
    slices.add(partial(take, "b", 0))
    await iterations(10)
    assert taken == "abaa"


async def test_what_is_added_by_the_last_slice_waits_for_the_next_iteration() -> None:
    slices, taken = Slices(idle), 0

    def take() -> None:
        nonlocal taken
        taken += 1
        slices.add(take)

    slices.add(take)
    await iterations(5)
    assert taken == 5


async def test_a_slice_that_fails_does_not_keep_the_others_from_their_turn() -> None:
    loop, slices = asyncio.get_running_loop(), Slices(idle)
    taken: list[str] = []
    failed: list[object] = []
    loop.set_exception_handler(lambda _loop, context: failed.append(context["exception"]))

    def fail() -> None:
        raise ValueError("broken")

    slices.add(fail)
    slices.add(partial(taken.append, "b"))
    await iterations(3)
    assert taken == ["b"]
    assert len(failed) == 1


@pytest.mark.parametrize(
    ("others", "taken_by_then"),
    [(0.0, (1, 2, 3)), (LATE_SECONDS / 2, (1, 11, 20))],
    ids=["idle", "busy"],
)
async def test_slices_that_are_late_are_taken_at_once_but_not_for_long(
    others: float, taken_by_then: tuple[int, ...]
) -> None:
    now, taken = 0.0, 0
    slices = Slices(lambda: now)

    def pass_by(seconds: float) -> None:
        nonlocal now
        now += seconds

    def take() -> None:
        nonlocal taken
        taken += 1
        pass_by(MOST_SECONDS / 9.5)

    for _ in range(20):
        slices.add(take)
    for expected in taken_by_then:
        pass_by(others)
        await iterations(1)
        assert taken == expected
