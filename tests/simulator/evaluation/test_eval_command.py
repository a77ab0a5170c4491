"""`offhook eval`, as it is run, against a small agent of our own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from click.testing import CliRunner
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.websockets import WebSocket

from app.simulator.evaluation.command import evaluate
from tests.simulator.agent_server import SPEECH, Agent, serving, tone

ROOT = Path(__file__).parents[3]
RECORDING = SPEECH / "an4_yes.wav"
STORED = {
    "status": "completed",
    "ended_at": "2026-11-21T12:00:00Z",
    "end_reason": "caller_hung_up",
    "stats": {"latencies": [{"decision": 333}], "bytes_received": 1},
    "transcript": [{"seq": 1, "speaker": "user", "text": "Yes.", "is_final": True, "confidence": None}],
}


async def answer(agent: Agent, socket: WebSocket) -> None:
    """Greet, answer the first utterance, stay on the line."""
    await agent.receive_until(socket, "start")
    await agent.play(socket, tone(0.2))
    await agent.hear_voice(socket)
    await agent.hear_silence(socket, 0.3)
    await agent.play(socket, tone(0.2))
    await agent.receive_until(socket, "stop")


async def stored(_request: Request) -> Response:
    return JSONResponse(STORED)


def scenario(folder: Path, expect: str) -> str:
    file = folder / "says-yes.yaml"
    file.write_text(f"about: yes\ncaller:\n- play: {RECORDING}\n  text: Yes.\nexpect: {expect}\n")
    return str(file)


async def offhook(folder: Path, *arguments: str) -> tuple[int | None, str]:
    """Run the command in a process of its own: it handles signals. Returns exit status and output."""
    env = {**os.environ, "STATE_DIR": str(folder), "OPERATOR_TOKEN": "operator", "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "eval", *arguments, cwd=folder, env=env, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


API = Route("/api/calls/{call_sid}", stored)


async def test_a_scenario_that_goes_well_passes(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    async with serving(answer, API) as agent:
        file = scenario(tmp_path, "{caller_said: ['yes'], end_reason: caller_hung_up}")
        status, output = await offhook(tmp_path, file, "--url", agent.url, "--json", str(results))
    assert status == 0, output
    assert "1 of 1 passed" in output
    (told,) = json.loads(results.read_text())["scenarios"]
    assert told["decision"] == [333]
    assert told["voice_to_voice"][0] > 200


async def test_a_scenario_that_fails_says_why_and_so_does_the_exit_status(tmp_path: Path) -> None:
    async with serving(answer, API) as agent:
        file = scenario(tmp_path, "{caller_said: ['no']}")
        status, output = await offhook(tmp_path, file, "--url", agent.url, "-n", "2", "--repeat", "2")
    assert status == 1
    assert output.count("Not stored of the caller: “no”.") == 2
    assert "0 of 2 passed" in output


def test_scenarios_are_listed_without_a_call() -> None:
    result = CliRunner().invoke(evaluate, ["--list"])
    assert result.exit_code == 0
    assert "slow-talker" in result.output
