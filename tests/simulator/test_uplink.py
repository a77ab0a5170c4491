"""The way up to the server: in order, complete, and held up now and then."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.simulator.uplink import Uplink


class Wire:
    """What has arrived."""

    def __init__(self) -> None:
        self.arrived: list[str] = []

    async def send(self, message: str) -> None:
        self.arrived.append(message)


async def test_without_jitter_everything_arrives_at_once() -> None:
    wire = Wire()
    uplink = Uplink(wire.send, 0, 1)
    for number in range(200):
        await uplink.beat(number * 20)
        await uplink.send(str(number))
        assert len(wire.arrived) == number + 1


@given(jitter=st.integers(1, 1000), seed=st.integers(0, 99))
async def test_jitter_delays_and_neither_loses_nor_reorders(jitter: int, seed: int) -> None:
    wire = Wire()
    uplink = Uplink(wire.send, jitter, seed)
    sent_at: list[float] = []
    for number in range(300):
        now = number * 20.0
        await uplink.beat(now)
        sent_at.append(now)
        await uplink.send(str(number))
        waiting = sent_at[len(wire.arrived) :]
        assert not waiting or now - waiting[0] <= jitter
        assert wire.arrived == [str(done) for done in range(len(wire.arrived))]
    await uplink.flush()
    assert len(wire.arrived) == 300


async def test_a_line_with_jitter_holds_up() -> None:
    wire = Wire()
    uplink = Uplink(wire.send, 400, 1)
    behind = 0
    for number in range(500):
        await uplink.beat(number * 20)
        await uplink.send(str(number))
        behind = max(behind, number + 1 - len(wire.arrived))
    assert behind >= 3
