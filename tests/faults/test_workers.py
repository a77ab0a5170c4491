"""`offhook serve --workers 2`: what becomes of a server when another one, or their parent, ends."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx2
import psutil
import pytest
from sqlalchemy import select

from app.server import bind
from app.simulator.caller import SimulatedCall
from app.simulator.script import HangUp, Pause
from app.store.database import Database
from app.store.queries import Queries
from app.store.tables import calls
from tests.calls.servers import over
from tests.faults.server_process import ServerProcess
from tests.faults.site import cheap_voice, providers

WORKERS = 2


@pytest.fixture
def server(postgres_url: str, tmp_path: Path) -> ServerProcess:
    return ServerProcess(postgres_url, tmp_path)


@pytest.fixture
async def hearing_server(postgres_url: str, tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """With processes of its own for recognition, and a voice on loopback."""
    async with cheap_voice() as found:
        yield ServerProcess(postgres_url, tmp_path, **found)


@pytest.fixture
async def cheap_server(postgres_url: str, tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """With providers on loopback: for tests that ask for nothing but calls that go on."""
    async with providers() as found:
        yield ServerProcess(postgres_url, tmp_path, **found)


async def become(as_expected: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await as_expected():
            await asyncio.sleep(0.1)


def workers(parent: asyncio.subprocess.Process) -> list[psutil.Process]:
    return psutil.Process(parent.pid).children()


async def holder(database: Database, call_sid: str) -> int:
    """The process that has the call on the line: its ID is part of its name in the database."""
    async with database.engine.connect() as connection:
        owner = await connection.scalar(select(calls.c.owner).where(calls.c.call_sid == call_sid))
    assert owner is not None
    return int(owner.removeprefix(f"{socket.gethostname()}-").split("-")[0])


async def active_calls(server: ServerProcess) -> float:
    async with httpx2.AsyncClient(trust_env=False) as client:
        metrics = (await client.get(f"{server.settings.webhook_url}/metrics")).text
    return sum(float(value) for value in re.findall(r"^offhook_active_calls (\S+)$", metrics, re.M))


async def test_a_killed_worker_is_replaced_and_the_call_of_the_other_goes_on(
    cheap_server: ServerProcess, database: Database
) -> None:
    call = SimulatedCall(cheap_server.settings.webhook_url, [Pause(6), HangUp()])
    async with cheap_server.running("--workers", str(WORKERS)) as parent:
        running = asyncio.create_task(call.run())
        await cheap_server.seen.call(call.call_sid, lambda call: call["status"] == "in-progress")
        busy = await holder(database, call.call_sid)
        [idle] = [worker for worker in workers(parent) if worker.pid != busy]
        idle.kill()

        async def replaced() -> bool:
            return len({worker.pid for worker in workers(parent)} - {idle.pid}) == WORKERS

        await become(replaced)
        await running
        stored = await cheap_server.seen.call(call.call_sid, over)
        assert stored["end_reason"] == "caller_hung_up"


async def test_the_call_of_a_killed_worker_goes_on_with_the_other_and_is_counted_once(
    cheap_server: ServerProcess, database: Database
) -> None:
    call = SimulatedCall(cheap_server.settings.webhook_url, [Pause(6), HangUp()])
    async with cheap_server.running("--workers", str(WORKERS)):
        running = asyncio.create_task(call.run())
        await cheap_server.seen.call(call.call_sid, lambda call: call["status"] == "in-progress")
        assert await active_calls(cheap_server) == 1
        os.kill(await holder(database, call.call_sid), signal.SIGKILL)
        await running
        stored = await cheap_server.seen.call(call.call_sid, over)
        assert stored["end_reason"] == "caller_hung_up"
        assert await active_calls(cheap_server) == 0


async def test_a_deploy_lets_a_call_come_to_its_end(cheap_server: ServerProcess, queries: Queries) -> None:
    call = SimulatedCall(cheap_server.settings.webhook_url, [Pause(4), HangUp()])
    async with cheap_server.running("--workers", str(WORKERS)) as parent:
        running = asyncio.create_task(call.run())
        await cheap_server.seen.call(call.call_sid, lambda call: call["status"] == "in-progress")
        parent.terminate()
        assert (await running).trail == ("Connect",)
        async with asyncio.timeout(15):
            assert await parent.wait() == 0
    stored = await queries.get_call(call.call_sid)
    assert stored is not None
    assert stored.end_reason == "caller_hung_up"


@pytest.mark.parametrize("stop", ["SIGTERM twice", "Ctrl-C"])
async def test_workers_that_are_stopped_end_their_calls(
    hearing_server: ServerProcess, queries: Queries, stop: str
) -> None:
    call = SimulatedCall(hearing_server.settings.webhook_url, [Pause(20), HangUp()])
    async with hearing_server.running("--workers", str(WORKERS)) as parent:
        running = asyncio.create_task(call.run())
        await hearing_server.seen.call(call.call_sid, lambda call: call["status"] == "in-progress")
        everyone = psutil.Process(parent.pid).children(recursive=True)
        if stop == "Ctrl-C":  # a terminal sends it to the whole process group
            for process in everyone:
                process.send_signal(signal.SIGINT)
            parent.send_signal(signal.SIGINT)
        else:
            parent.terminate()
            await hearing_server.deaf()
            parent.terminate()
        async with asyncio.timeout(15):
            assert await parent.wait() == 0
        await running
    _, alive = psutil.wait_procs(everyone, timeout=1)
    assert not alive
    stored = await queries.get_call(call.call_sid)
    assert stored is not None
    assert stored.end_reason == "server_stopped"


async def test_workers_end_when_their_parent_is_killed(server: ServerProcess) -> None:
    async with server.running("--workers", str(WORKERS)) as parent:
        everyone = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
        await parent.wait()
    _, alive = psutil.wait_procs(everyone, timeout=15)
    assert not alive
    bind(server.settings).close()


@pytest.mark.parametrize("count", [1, WORKERS])
async def test_a_missing_model_is_told_once_and_stops_everything(
    postgres_url: str, tmp_path: Path, count: int
) -> None:
    shim = tmp_path / "shim" / "moonshine_voice"
    shim.mkdir(parents=True)
    (shim / "__init__.py").write_text('raise ImportError("there is no moonshine here")')
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "app", "serve", "--workers", str(count)],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(shim.parent),
            "PORT": "0",
            "DATABASE_URL": postgres_url,
            "STATE_DIR": str(tmp_path),
            "OPERATOR_TOKEN": "operator",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr.count("offhook: SPEECH_TO_TEXT:") == 1
    assert "there is no moonshine here" in result.stderr
