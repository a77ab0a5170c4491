from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from app.draining import drain
from app.media_stream.manager import MediaStreamManager


@dataclass
class Lines:
    """Calls that are handed over as soon as `between_turns` is set."""

    manager: MediaStreamManager = field(
        default_factory=lambda: MediaStreamManager(idle_seconds=60, max_call_seconds=60)
    )
    between_turns: asyncio.Event = field(default_factory=asyncio.Event)

    async def hand_over(self) -> None:
        await self.between_turns.wait()
        self.manager.close_connection("CA1", "server_stopped")


async def test_a_call_comes_to_its_own_end() -> None:
    lines = Lines()
    connection = lines.manager.create_connection("CA1")
    draining = asyncio.create_task(drain(lines, 60, asyncio.Event()))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert lines.manager.draining
    lines.manager.close_connection("CA1", "caller_hung_up")
    async with asyncio.timeout(5):
        await draining
    assert connection.ended.result() == "caller_hung_up"


async def test_a_call_that_lasts_is_handed_over_between_two_turns() -> None:
    lines = Lines()
    connection = lines.manager.create_connection("CA1")
    draining = asyncio.create_task(drain(lines, 0, asyncio.Event()))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    assert not connection.ended.done()
    lines.between_turns.set()
    async with asyncio.timeout(5):
        await draining
    assert connection.ended.result() == "server_stopped"


async def test_hurry_ends_calls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.draining.GOODBYE_SECONDS", 0.01)
    lines, hurry = Lines(), asyncio.Event()
    connection = lines.manager.create_connection("CA1")
    draining = asyncio.create_task(drain(lines, 60, hurry))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    hurry.set()
    async with asyncio.timeout(5):
        await draining
    assert connection.ended.result() == "server_stopped"
