"""The server as a process of its own, killed in the middle of a call."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from app.simulator import audio
from app.simulator.caller import SimulatedCall
from app.simulator.script import HangUp, Pause, Play, WaitForSpeech
from app.store.queries import Queries
from tests.calls.servers import over, summarised
from tests.faults.server_process import ServerProcess
from tests.faults.site import cheap_voice

SPEECH = Path(__file__).parent.parent / "speech"


@pytest.fixture
def killable(postgres_url: str, tmp_path: Path) -> ServerProcess:
    return ServerProcess(postgres_url, tmp_path)


@pytest.fixture
async def hearing(postgres_url: str, tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """With processes of its own for recognition, and a voice on loopback."""
    async with cheap_voice() as found:
        yield ServerProcess(postgres_url, tmp_path, **found)


async def test_a_killed_server_loses_no_line_and_its_call_gets_a_reason_and_a_summary(
    hearing: ServerProcess,
) -> None:
    yes = Play(audio.load(SPEECH / "lv_0880.wav"), "he was not an ill disposed young man")
    call = SimulatedCall(hearing.settings.webhook_url, [WaitForSpeech(0.5), yes, Pause(20), HangUp()])
    async with hearing.running() as process:
        running = asyncio.create_task(call.run())
        heard = await hearing.seen.call(
            call.call_sid, lambda call: any(line["speaker"] == "user" for line in call["transcript"])
        )
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await running
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive, "speech workers outlived their server"
    async with hearing.running():
        stored = await hearing.seen.call(call.call_sid, over, seconds=30)
        assert (stored["status"], stored["end_reason"]) == ("completed", "server_lost")
        before = [line["text"] for line in heard["transcript"] if line["is_final"]]
        after = [line["text"] for line in stored["transcript"]]
        assert after[: len(before)] == before
        assert all(line["is_final"] for line in stored["transcript"])
        await hearing.seen.call(call.call_sid, summarised)


async def test_a_server_that_is_stopped_ends_its_calls_and_its_workers(
    killable: ServerProcess, queries: Queries
) -> None:
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
    stored = await queries.get_call(call.call_sid)
    assert stored is not None
    assert stored.ended_at is not None
    assert stored.end_reason == "server_stopped"
