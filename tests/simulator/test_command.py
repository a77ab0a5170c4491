"""`offhook call` and `offhook sign`, as they are run."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from starlette.websockets import WebSocket
from twilio.request_validator import RequestValidator

from app.errors import OffhookError
from app.simulator.command import call, script
from app.simulator.script import Play, Press, WaitForSpeech, WaitForTurn
from app.simulator.sign import sign
from tests.simulator.agent_server import SPEECH, YES, Agent, serving, tone

RECORDING = str(SPEECH / "an4_yes.wav")


async def offhook(tmp_path: Path, *arguments: str, **env: str) -> Result:
    """Run the command in a thread, as the agent runs in this one."""
    env = {"STATE_DIR": str(tmp_path), "TWILIO_AUTH_TOKEN": "", **env}
    return await asyncio.to_thread(CliRunner().invoke, call, arguments, env=env)


async def answer(agent: Agent, socket: WebSocket) -> None:
    """Greet, answer the first utterance, stay on the line."""
    await agent.receive_until(socket, "start")
    await agent.play(socket, tone(0.2))
    await agent.hear_voice(socket)
    await agent.hear_silence(socket, 0.3)
    await agent.play(socket, tone(0.2))
    await agent.receive_until(socket, "stop")


async def test_a_call_from_a_recording(tmp_path: Path) -> None:
    async with serving(answer) as agent:
        result = await offhook(tmp_path, RECORDING, "--url", agent.url, "--from", "+15550123")
    assert result.exit_code == 0, result.output
    assert agent.requests[0][1]["From"] == "+15550123"
    assert "an4_yes.wav" in result.output
    assert [path.suffix for path in (tmp_path / "recordings").iterdir()] == [".wav"]


async def test_a_violation_makes_the_command_fail(tmp_path: Path) -> None:
    async def talk(agent: Agent, socket: WebSocket) -> None:
        await agent.receive_until(socket, "start")
        await socket.send_text('{"event":"hello"}')

    async with serving(talk) as agent:
        result = await offhook(tmp_path, RECORDING, "--url", agent.url)
    assert result.exit_code == 1
    assert "Twilio would warn: 31951" in result.output


async def test_several_calls_at_once_are_summed_up(tmp_path: Path) -> None:
    async with serving(answer) as agent:
        result = await offhook(tmp_path, RECORDING, "--url", agent.url, "--calls", "3")
    assert result.exit_code == 0, result.output
    assert "3 of 3 calls went well" in result.output
    assert len({form["CallSid"] for _, form, _ in agent.requests}) == 3


async def test_requests_are_signed_with_the_configured_token(tmp_path: Path) -> None:
    async with serving(answer) as agent:
        await offhook(tmp_path, RECORDING, "--url", agent.url, TWILIO_AUTH_TOKEN="new,old")
    path, form, headers = agent.requests[0]
    assert RequestValidator("new").validate(agent.url + path, form, headers["x-twilio-signature"])


async def test_a_server_that_is_not_running_is_named(tmp_path: Path) -> None:
    result = await offhook(tmp_path, RECORDING, "--url", "http://127.0.0.1:1")
    assert isinstance(result.exception, OffhookError)
    assert "offhook serve" in str(result.exception)


async def test_keys_that_no_phone_has_are_refused(tmp_path: Path) -> None:
    result = await offhook(tmp_path, "--digits", "1x")
    assert result.exit_code == 2
    assert "0-9" in result.output


def test_files_and_texts_keep_their_order() -> None:
    context = call.make_context("call", ["a.wav", "--say", "-b", "--url", "http://x", "--say=c", "d.wav"])
    assert context.params["turns"] == ("a.wav", "\0-b", "\0c", "d.wav")
    assert context.params["url"] == "http://x"


def test_the_caller_waits_for_each_turn_and_for_the_last_answer() -> None:
    play = Play(YES)
    assert script([play, play], None, "1") == [
        WaitForTurn(), play, WaitForTurn(), play, WaitForTurn(), Press("1"), WaitForTurn(),
    ]  # fmt: skip


def test_an_interrupting_caller_does_not_wait() -> None:
    assert script([Play(YES)], 1.5, "") == [WaitForSpeech(1.5), Play(YES), WaitForTurn()]


def signed(tmp_path: Path, token: str, *arguments: str) -> tuple[list[str], dict[str, object]]:
    env = {"STATE_DIR": str(tmp_path), "TWILIO_AUTH_TOKEN": token, "WEBSOCKET_URL": "ws://127.0.0.1:3000/ws"}
    result = CliRunner().invoke(sign, arguments, env=env)
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.output.splitlines()]
    return shlex.split(next(line for line in lines if line.startswith("wscat"))), json.loads(
        next(line for line in lines if line.startswith("{"))
    )


def test_sign_prints_a_command_whose_signature_is_valid(tmp_path: Path) -> None:
    command, start = signed(tmp_path, "12345", "--call-sid", "CA7")
    assert command[:3] == ["wscat", "-c", "ws://127.0.0.1:3000/ws"]
    name, _, signature = command[4].partition(": ")
    assert name == "X-Twilio-Signature"
    assert RequestValidator("12345").validate("ws://127.0.0.1:3000/ws", {}, signature)
    body = start["start"]
    assert isinstance(body, dict)
    assert body["callSid"] == "CA7"
    assert body["customParameters"]["token"]


def test_without_an_auth_token_nothing_needs_to_be_signed(tmp_path: Path) -> None:
    command, start = signed(tmp_path, "")
    assert command == ["wscat", "-c", "ws://127.0.0.1:3000/ws"]
    assert "customParameters" not in str(start)


@pytest.mark.parametrize("url", ["http://127.0.0.1", "3000"])
def test_sign_wants_a_websocket_url(url: str) -> None:
    assert CliRunner().invoke(sign, ["--url", url]).exit_code == 2
