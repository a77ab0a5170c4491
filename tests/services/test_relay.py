"""Who gives what to a caller when providers hang, fail and stumble: on a clock that jumps."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncGenerator, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.services.circuit_breaker import CircuitBreaker
from app.services.relay import Again, AllFailedError, Provider, Relay

PATIENCE = 2.5
FOREVER = 1e6
Script = Sequence[float | str | Exception | None]
"""Seconds to wait, items to give, None as a sign of life, an exception to fail with."""
LOCAL: Script = [0.0, "l1", "l2"]


class Jumping(selectors.SelectSelector):
    """Where others wait, this one lets time pass at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout:
            self.now += timeout
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


async def giving(script: Script) -> AsyncGenerator[str | None, None]:
    for step in script:
        match step:
            case float():
                await asyncio.sleep(step)
            case Exception():
                raise step
            case _:
                yield step


Heard = list[tuple[float, str | Again]]


def relayed(
    *scripts: Script,
    at_hand: bool = True,
    last_patience: float = PATIENCE,
    breakers: Sequence[CircuitBreaker] = (),
) -> tuple[Heard, str]:
    """What was passed on and when, and the error it ended with. The providers are a, b, c …"""
    heard: Heard = []
    breakers = breakers or [CircuitBreaker() for _ in scripts]

    async def run() -> str:
        providers = [
            Provider(name, breaker, lambda script=script: giving(script))  # type: ignore[misc]
            for name, breaker, script in zip("abcd", breakers, scripts, strict=False)
        ]
        relay = Relay[str](
            "test",
            providers,
            lambda name, error, begun: f"{name}: {error}",
            patience=PATIENCE,
            last_patience=last_patience,
            at_hand=at_hand,
        )
        clock = asyncio.get_running_loop().time
        try:
            async for item in relay.run():
                heard.append((round(clock(), 2), item))
        except AllFailedError as error:
            return str(error)
        finally:
            assert asyncio.all_tasks() == {asyncio.current_task()}
        return ""

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return heard, runner.run(run())


def test_the_first_gives_all_while_it_is_well() -> None:
    assert relayed([0.5, "a1", 1.0, "a2"], LOCAL) == ([(0.5, "a1"), (1.5, "a2")], "")


def test_where_one_fails_the_next_begins_at_once() -> None:
    assert relayed([0.5, OSError()], [0.25, "b1"], LOCAL) == ([(0.75, "b1")], "")


def test_a_second_one_is_asked_before_the_first_has_used_up_everything() -> None:
    assert relayed([FOREVER], [0.5, "b1"], LOCAL) == ([(PATIENCE / 2 + 0.5, "b1")], "")


def test_when_all_hang_the_one_at_hand_begins_in_time() -> None:
    heard, _ = relayed([FOREVER], [FOREVER], LOCAL)
    assert heard == [(PATIENCE, "l1"), (PATIENCE, "l2")]


def test_a_first_one_that_is_slow_is_not_replaced_by_the_one_at_hand() -> None:
    assert relayed([PATIENCE - 0.1, "a1"], LOCAL)[0] == [(PATIENCE - 0.1, "a1")]


def test_one_that_shows_life_is_given_time_from_then_on() -> None:
    assert relayed([2.0, None, 2.0, "a1"], LOCAL)[0] == [(4.0, "a1")]


def test_one_that_falls_silent_is_left_and_what_it_gave_begins_anew() -> None:
    heard, _ = relayed(["a1", FOREVER], [FOREVER], LOCAL)
    assert heard == [(0, "a1"), (PATIENCE, Again.AGAIN), (PATIENCE, "l1"), (PATIENCE, "l2")]


def test_what_is_held_in_reserve_is_there_when_the_leader_is_left() -> None:
    heard, _ = relayed(["a1", FOREVER], [1.0, "b1", 0.5, "b2"], LOCAL)
    assert heard == [(0, "a1"), (PATIENCE, Again.AGAIN), (PATIENCE, "b1"), (2.75, "b2")]


def test_a_reserve_is_forgotten_when_the_leader_goes_on() -> None:
    heard, _ = relayed(["a1", 2.0, "a2", 2.0, "a3"], [0.5, "b1"], LOCAL)
    assert heard == [(0, "a1"), (2.0, "a2"), (4.0, "a3")]


def test_one_that_was_overtaken_is_left_alone_for_a_while() -> None:
    breakers = [CircuitBreaker() for _ in range(3)]
    relayed([FOREVER], ["b1"], LOCAL, breakers=breakers)
    assert [breaker.is_open(2.0) for breaker in breakers] == [True, False, False]


def test_those_under_suspicion_are_asked_last() -> None:
    breakers = [CircuitBreaker() for _ in range(2)]
    breakers[0].failed(-1, 0)
    assert relayed(["a1"], ["b1"], breakers=breakers)[0] == [(0, "b1")]
    assert relayed(["a1"], [OSError()], breakers=breakers)[0] == [(0, "a1")]


def test_when_there_is_none_left_all_reasons_are_told() -> None:
    heard, error = relayed([OSError("gone")], [FOREVER], at_hand=False)
    assert heard == []
    assert error == "a: gone b: b sent nothing for 2.5 s."


def test_the_last_one_may_be_waited_for_longer() -> None:
    assert relayed([6.0, "a1"], at_hand=False, last_patience=10)[0] == [(6.0, "a1")]


steps = st.one_of(
    st.floats(0, 4), st.just("x"), st.none(), st.just(FOREVER), st.builds(OSError, st.just("broken"))
)


@given(st.lists(st.lists(steps, max_size=6), max_size=3))
def test_whatever_happens_somebody_gives_a_whole_answer_and_no_silence_lasts(broken: list[Script]) -> None:
    scripts = [[f"{name}{at}" if step == "x" else step for at, step in enumerate(script)]
               for name, script in zip("abc", broken, strict=False)]  # fmt: skip
    heard, error = relayed(*scripts, LOCAL)
    assert error == ""
    items = [item for _, item in heard]
    last = items[len(items) - items[::-1].index(Again.AGAIN) :] if Again.AGAIN in items else items
    wholes = [[step for step in script if isinstance(step, str)] for script in (*scripts, LOCAL)]
    assert last in wholes
    # Signs of life are not heard; without them nothing takes longer than one patience.
    if not any(None in script for script in scripts):
        times = [0.0, *(at for at, _ in heard)]
        assert all(after - before <= PATIENCE + 0.01 for before, after in pairwise(times))
