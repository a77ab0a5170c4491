"""Two servers behind a plain balancer, one of them killed again and again in the middle of calls."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.calls.servers import summarised
from tests.faults.site import ABRUPT_CLOSE, Verdict, final_lines, providers, site, talk_until

CALLS = 4
KILLS = 2
WITHIN_MS = 3000


@pytest.mark.alone
async def test_calls_of_a_killed_server_go_on_with_the_other_and_lose_no_stored_line(
    postgres_url: str, tmp_path: Path
) -> None:
    over, verdict = asyncio.Event(), Verdict(frozenset({ABRUPT_CLOSE}))
    async with providers() as found, site(postgres_url, tmp_path, found) as here:
        await asyncio.gather(here.start(0), here.start(1))
        calls = [here.caller(talk_until(over), max_seconds=90) for _ in range(CALLS)]
        running = [asyncio.create_task(call.run()) for call in calls]
        stored = set()
        for number in range(KILLS):
            await asyncio.sleep(3)
            stored |= await final_lines(postgres_url)
            await here.kill(number)
            await here.start(number)
        over.set()
        reports = await asyncio.gather(*running)
        for report in reports:
            verdict.check(report, await here.seen.call(report.call_sid, summarised))
    assert not verdict.wrong, "\n".join(verdict.wrong)
    assert not stored - await final_lines(postgres_url)
    assert len(verdict.silences_ms) >= CALLS
    assert max(verdict.silences_ms) < WITHIN_MS
