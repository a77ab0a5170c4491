"""What calls go through when servers and the database die under them, and what many calls leave behind.

    python benchmarks/soak.py [kills] [restart] [database] [calls] [--calls 50] [--kills 10] [--short 2000]

Two servers behind a plain TCP balancer, simulated callers whose every word is known, Google's ears and voice
played on loopback by a process of their own, and a PostgreSQL to pull down. Exit status 0 if all holds.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any

import asyncpg
import httpx2
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from app.simulator.caller import SimulatedCall
from app.simulator.report import CallReport
from app.simulator.script import HangUp, Pause, Step
from app.store.migrate import migrate
from tests.calls.servers import summarised
from tests.faults.site import (
    ABRUPT_CLOSE,
    Line,
    Site,
    Verdict,
    final_lines,
    providers,
    script,
    site,
    talk_until,
)
from tests.store.postgres import Server, own_server

WITHIN_MS = 3000
"""From a server's death to the agent's voice on the next stream."""
LATE_MS = 200
"""A simulated caller whose frames are later than that does not measure servers, but this machine."""
THINK_SECONDS = 2.0
"""Between two things that a caller says: about ten turns a minute."""
ARRIVE_SECONDS = 5.0
"""Over so long callers dial: a site does not get all its calls in one moment."""
SUMMARY_SECONDS = 120.0
OUTAGE_SECONDS = 60.0

CONSOLE = Console(highlight=False, width=120)


@dataclass
class Row:
    """One figure of a run, and whether it is as it should be."""

    name: str
    figure: str
    holds: bool = True


@dataclass
class Stage:
    """What a run has to work with."""

    here: Site
    postgres: Server
    database_url: str
    calls: int
    kills: int
    short: int


def measured(values: Sequence[int]) -> str:
    """Median, 95th percentile and the worst of milliseconds."""
    if len(values) < 2:
        return f"{values}"
    parts = quantiles(values, n=20)
    return f"{parts[9]:.0f} / {parts[18]:.0f} / {max(values)} ms (p50 / p95 / worst of {len(values)})"


class Callers:
    """Many calls that talk until they are told to come to their end."""

    def __init__(self, here: Site, count: int) -> None:
        self._here = here
        self._over = asyncio.Event()
        steps = talk_until(self._over, THINK_SECONDS)
        self._running = [
            asyncio.create_task(self._run(here.caller(steps), number * ARRIVE_SECONDS / count))
            for number in range(count)
        ]

    async def _run(self, call: SimulatedCall, after: float) -> CallReport:
        await asyncio.sleep(after)
        return await call.run()

    def _print_logs(self) -> None:
        """What the servers have logged, alike lines as one."""
        assert self._here.logs is not None
        lines = [line for log in self._here.logs.iterdir() for line in log.read_text().splitlines()]
        alike = Counter(re.sub(r"[0-9a-f]{8,}|\d+", "#", line) for line in lines if " INFO " not in line)
        for line, count in alike.most_common(25):
            CONSOLE.print(f"  {count:5} {line}", markup=False)

    async def settle(self) -> None:
        """Return when all have begun to talk."""
        await asyncio.sleep(ARRIVE_SECONDS + 5)

    async def finish(self, verdict: Verdict) -> list[Row]:
        """Let them hang up; what is wrong with them, and whether they were on time."""
        self._over.set()
        reports = await asyncio.gather(*self._running)
        for report in reports:
            stored = await self._here.seen.call(report.call_sid, summarised, SUMMARY_SECONDS)
            verdict.check(report, stored)
        lates = [round(report.worst_lateness_ms) for report in reports]
        for wrong in verdict.wrong[:20]:
            CONSOLE.print(f"  [red]{wrong}[/]")
        if verdict.wrong:
            self._print_logs()
        said = sum(len(report.turns) for report in reports)
        return [
            Row("calls, things said", f"{len(reports)}, {said}"),
            Row("what is wrong with them", str(len(verdict.wrong)), not verdict.wrong),
            Row(
                f"valid: callers' worst frames, 95 % below {LATE_MS} ms",
                measured(lates),
                quantiles(lates, n=20)[18] < LATE_MS,
            ),
        ]


def goes_on(verdict: Verdict) -> list[Row]:
    return [
        Row("without a stream", measured(verdict.gaps_ms)),
        Row(
            f"without a voice, below {WITHIN_MS} ms",
            measured(verdict.silences_ms),
            max(verdict.silences_ms, default=0) < WITHIN_MS,
        ),
    ]


async def kills(stage: Stage) -> list[Row]:
    """Each of the servers is killed in turn, and started again."""
    here, verdict = stage.here, Verdict(frozenset({ABRUPT_CLOSE}))
    callers = Callers(here, stage.calls)
    await callers.settle()
    stored: set[Line] = set()
    for number in range(stage.kills):
        stored |= await final_lines(stage.database_url)
        await here.kill(number % 2)
        await asyncio.sleep(3)
        await here.start(number % 2)
        await asyncio.sleep(2)
    rows = await callers.finish(verdict)
    lost = stored - await final_lines(stage.database_url)
    return [
        Row("servers killed", str(stage.kills)),
        *rows,
        *goes_on(verdict),
        Row("stored lines lost", f"{len(lost)} of {len(stored)}", not lost),
    ]


async def restart(stage: Stage) -> list[Row]:
    """Each of the servers is replaced by a new one on its port, twice."""
    here, verdict = stage.here, Verdict()
    callers = Callers(here, stage.calls)
    await callers.settle()
    for number in (0, 1, 0, 1):
        assert await here.replace(number) == 0
    rows = await callers.finish(verdict)
    return [Row("servers replaced", "4"), *rows, *goes_on(verdict)]


async def database(stage: Stage) -> list[Row]:
    """PostgreSQL is stopped for a minute; then it is killed, and a server with it."""
    here, verdict = stage.here, Verdict(frozenset({ABRUPT_CLOSE}))
    callers = Callers(here, stage.calls)
    await callers.settle()
    stored = await final_lines(stage.database_url)
    await stage.postgres.stop()
    await asyncio.sleep(OUTAGE_SECONDS)
    await stage.postgres.start()
    await asyncio.sleep(10)
    stored |= await final_lines(stage.database_url)
    await stage.postgres.crash(signal.SIGKILL)
    await asyncio.sleep(10)
    await here.kill(0)
    await asyncio.sleep(10)
    await stage.postgres.start()
    await here.start(0)
    await asyncio.sleep(10)
    rows = await callers.finish(verdict)
    lost = stored - await final_lines(stage.database_url)
    return [
        Row("database away", f"{OUTAGE_SECONDS:.0f} s stopped, 20 s killed"),
        *rows,
        *goes_on(verdict),
        Row("stored lines lost", f"{len(lost)} of {len(stored)}", not lost),
    ]


BATCHES = 10
"""What is left is counted after each batch of calls. The first two only warm up."""


async def calls(stage: Stage) -> list[Row]:
    """Many short calls: what they leave behind."""
    steps: list[Step] = [*script(1)[:-1], Pause(0.2), HangUp()]
    gate = asyncio.Semaphore(stage.calls)
    bad = 0

    async def one() -> CallReport:
        async with gate:
            return await stage.here.caller(steps).run()

    left = []
    for _ in range(BATCHES):
        reports = await asyncio.gather(*(one() for _ in range(stage.short // BATCHES)))
        bad += sum(not report.ok for report in reports)
        left.append(await leftovers(stage))
    rows = [
        Row("calls, not well", f"{stage.short // BATCHES * BATCHES}, {bad}", not bad),
    ]
    for name, may_grow in (
        ("descriptors", 1.05),
        ("tasks", 1.05),
        ("connections", 1.2),
        ("memory, MB", 1.15),
    ):
        series = [each[name] for each in left]
        rows.append(
            Row(
                f"{name}: grow by at most {may_grow - 1:.0%}",
                " ".join(f"{value:.0f}" for value in series),
                max(series[-3:]) <= max(series[2:5]) * may_grow,
            )
        )
    return rows


async def leftovers(stage: Stage) -> dict[str, float]:
    """What both servers hold when there is no call."""
    found = {"descriptors": 0.0, "tasks": 0.0, "memory, MB": 0.0}
    async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
        for server, process in zip(stage.here.servers, stage.here.running, strict=True):
            assert process is not None
            url = f"http://127.0.0.1:{server.port}/metrics"
            async with asyncio.timeout(60):
                while figure((await client.get(url)).text, "offhook_active_calls"):  # noqa: ASYNC110
                    await asyncio.sleep(0.5)
            await asyncio.sleep(2)
            found["tasks"] += figure((await client.get(url)).text, "offhook_tasks")
            seen = psutil.Process(process.pid)
            found["descriptors"] += seen.num_fds()
            found["memory, MB"] += seen.memory_info().rss / 1e6
    connection = await asyncpg.connect(stage.database_url)
    found["connections"] = await connection.fetchval("SELECT count(*) FROM pg_stat_activity")
    await connection.close()
    return found


def figure(exposition: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", exposition, re.M)
    return float(found[1]) if found else 0.0


RUNS: dict[str, Callable[[Stage], Awaitable[list[Row]]]] = {
    "kills": kills,
    "restart": restart,
    "database": database,
    "calls": calls,
}


def play_providers(pipe: Connection) -> None:
    async def play() -> None:
        async with providers() as found:
            pipe.send(found)
            await asyncio.Event().wait()

    uvloop.run(play())


@asynccontextmanager
async def stage(found: dict[str, str], options: argparse.Namespace) -> AsyncIterator[Stage]:
    state_dir = Path(tempfile.mkdtemp(prefix="offhook-soak-"))
    async with own_server() as postgres:
        url = await postgres.start()
        await migrate(url)
        async with site(url, state_dir, found, DRAIN_SECONDS="5") as here:
            here.gently = os.geteuid() == 0
            here.logs = state_dir / "logs"
            here.logs.mkdir()
            await asyncio.gather(here.start(0), here.start(1))
            yield Stage(here, postgres, url, options.calls, options.kills, options.short)
    shutil.rmtree(state_dir)


async def soak(found: dict[str, str], options: argparse.Namespace) -> bool:
    holds = True
    for name in options.runs or RUNS:
        begun = time.monotonic()
        CONSOLE.print(f"[bold]{name}[/]: {RUNS[name].__doc__}")
        async with stage(found, options) as prepared:
            rows = await RUNS[name](prepared)
        table = Table("", "", "", title=f"{name}, {time.monotonic() - begun:.0f} s", show_header=False)
        for row in rows:
            table.add_row(row.name, row.figure, "[green]ok[/]" if row.holds else "[red]NO[/]")
            holds = holds and row.holds
        CONSOLE.print(table)
    return holds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="*", choices=[[], *RUNS], help="All, if none is named.")
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--short", type=int, default=2000)
    options: Any = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    played = context.Process(target=play_providers, args=(theirs,), daemon=True)
    played.start()
    try:
        holds = uvloop.run(soak(ours.recv(), options))
    finally:
        played.terminate()
        played.join()
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
