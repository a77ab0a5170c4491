"""Deploys in the middle of calls: each server is replaced by a new one on its own port while it drains."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.calls.servers import summarised
from tests.faults.site import Verdict, providers, site, talk_until

CALLS = 4


@pytest.mark.alone
async def test_a_rolling_restart_cuts_nobody_off(postgres_url: str, tmp_path: Path) -> None:
    over, verdict = asyncio.Event(), Verdict()
    async with providers() as found, site(postgres_url, tmp_path, found, DRAIN_SECONDS="1") as here:
        await asyncio.gather(here.start(0), here.start(1))
        calls = [here.caller(talk_until(over), max_seconds=90) for _ in range(CALLS)]
        running = [asyncio.create_task(call.run()) for call in calls]
        await asyncio.sleep(2)
        for number in range(2):
            assert await here.replace(number) == 0
        over.set()
        for report in await asyncio.gather(*running):
            assert not report.problems
            verdict.check(report, await here.seen.call(report.call_sid, summarised))
    assert not verdict.wrong, "\n".join(verdict.wrong)
    assert len(verdict.gaps_ms) >= CALLS


@pytest.mark.alone
async def test_the_calls_of_a_lone_server_go_on_in_its_successor(postgres_url: str, tmp_path: Path) -> None:
    over, verdict = asyncio.Event(), Verdict()
    async with (
        providers() as found,
        site(postgres_url, tmp_path, found, count=1, DRAIN_SECONDS="5") as here,
    ):
        await here.start(0)
        running = asyncio.create_task(here.caller(talk_until(over), max_seconds=90).run())
        await asyncio.sleep(1)
        assert await here.replace(0) == 0
        over.set()
        report = await running
        assert not report.problems
        verdict.check(report, await here.seen.call(report.call_sid, summarised))
    assert not verdict.wrong, "\n".join(verdict.wrong)
    assert len(report.streams) == 2
