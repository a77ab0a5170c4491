from __future__ import annotations

import asyncio
from functools import partial

from app.limits.slices import Slices


async def iterations(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_slice_is_taken_an_iteration_in_the_order_in_which_they_came() -> None:
    slices, taken = Slices(), ""

    def take(name: str) -> None:
        nonlocal taken
        taken += name

    for name in "abc":
        slices.add(partial(take, name))
    for expected in ("a", "ab", "abc", "abc"):
        await iterations(1)
        assert taken == expected


async def test_what_is_left_after_a_slice_waits_behind_those_of_others() -> None:
    slices, taken = Slices(), ""

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
    slices, taken = Slices(), 0

    def take() -> None:
        nonlocal taken
        taken += 1
        slices.add(take)

    slices.add(take)
    await iterations(5)
    assert taken == 5


async def test_a_slice_that_fails_does_not_keep_the_others_from_their_turn() -> None:
    loop, slices = asyncio.get_running_loop(), Slices()
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
