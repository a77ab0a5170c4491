"""The server as a process of its own, killed in the middle of a call."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

from app.server import bind
from app.settings import load_settings
from app.simulator import audio
from app.simulator.caller import SimulatedCall
from app.simulator.script import HangUp, Pause, Play, WaitForSpeech
from tests.calls.servers import RunningServer, over, summarised

SPEECH = Path(__file__).parent.parent / "speech"


class ServerProcess:
    """`offhook serve`, on a port and a database that outlive it."""

    def __init__(self, database_url: str, state_dir: Path) -> None:
        listener = bind(load_settings(port=0))
        self.port = listener.getsockname()[1]
        listener.close()
        self.settings = load_settings(
            port=self.port, database_url=database_url, state_dir=state_dir, operator_token="operator"
        )
        self.seen = RunningServer(self.settings, app=None)  # type: ignore[arg-type]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        environment = {
            "PATH": os.environ["PATH"],
            "PORT": str(self.port),
            "DATABASE_URL": self.settings.database_url,
            "STATE_DIR": str(self.settings.state_dir),
            "OPERATOR_TOKEN": "operator",
            "LOCAL_SPEECH_WORKERS": "1",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app",
            "serve",
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(60):
                while not await self._ready():
                    assert process.returncode is None, "the server ended by itself"
                    await asyncio.sleep(0.2)
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    async def _ready(self) -> bool:
        try:
            async with httpx2.AsyncClient(trust_env=False) as client:
                return (await client.get(f"{self.settings.webhook_url}/readyz")).status_code == 200
        except httpx2.TransportError:
            return False


@pytest.fixture
def killable(postgres_url: str, tmp_path: Path) -> ServerProcess:
    return ServerProcess(postgres_url, tmp_path)


async def test_a_killed_server_loses_no_line_and_its_call_gets_a_reason_and_a_summary(
    killable: ServerProcess,
) -> None:
    yes = Play(audio.load(SPEECH / "lv_0880.wav"), "he was not an ill disposed young man")
    call = SimulatedCall(killable.settings.webhook_url, [WaitForSpeech(0.5), yes, Pause(20), HangUp()])
    async with killable.running() as process:
        running = asyncio.create_task(call.run())
        heard = await killable.seen.call(
            call.call_sid, lambda call: any(line["speaker"] == "user" for line in call["transcript"])
        )
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await running
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive, "speech workers outlived their server"
    async with killable.running():
        stored = await killable.seen.call(call.call_sid, over, seconds=30)
        assert (stored["status"], stored["end_reason"]) == ("completed", "server_lost")
        before = [line["text"] for line in heard["transcript"] if line["is_final"]]
        after = [line["text"] for line in stored["transcript"]]
        assert after[: len(before)] == before
        assert all(line["is_final"] for line in stored["transcript"])
        await killable.seen.call(call.call_sid, summarised)


async def test_a_server_that_is_stopped_ends_its_calls_and_its_workers(killable: ServerProcess) -> None:
    call = SimulatedCall(killable.settings.webhook_url, [Pause(20), HangUp()])
    async with killable.running() as process:
        running = asyncio.create_task(call.run())
        await killable.seen.call(call.call_sid, lambda call: call["status"] == "in-progress")
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(15):
            assert await process.wait() == 0
        await running
    _, alive = psutil.wait_procs(children, timeout=1)
    assert not alive
    async with killable.running():
        stored = await killable.seen.call(call.call_sid, over)
        assert stored["end_reason"] == "server_stopped"
