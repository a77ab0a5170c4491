"""Whole calls through the real webhook, the real WebSocket, real speech and a real database."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx2
import pytest

from app.services.text_to_speech import TextToSpeech
from app.simulator import audio
from app.simulator.script import HangUp, Pause, Play, WaitForHangUp, WaitForSpeech, WaitForTurn
from app.simulator.voice import spoken
from tests.calls.servers import RunningServer, over, summarised
from tests.services.speech_to_text import wer

SPEECH = Path(__file__).parent.parent / "speech"
REFERENCES = {entry["file"]: entry["text"] for entry in json.loads((SPEECH / "references.json").read_text())}


def recorded(name: str) -> Play:
    return Play(audio.load(SPEECH / name), REFERENCES[name])


async def test_a_call_from_webhook_to_summary(
    server: RunningServer, voice: TextToSpeech, tmp_path: Path
) -> None:
    dictation = recorded("lv_0870.wav")
    call = server.caller(
        [
            WaitForTurn(),
            await spoken(voice, "Please take a note."),
            WaitForTurn(),
            dictation,
            WaitForTurn(),
            await spoken(voice, "Remind me to call Anna tomorrow at four o'clock."),
            WaitForTurn(),
            await spoken(voice, "That's all, goodbye."),
            WaitForHangUp(),
        ],
        record_to=tmp_path,
    )
    report = await call.run()
    assert report.ok, (report.violations, report.problems)
    assert report.ended_by == "agent"
    assert report.greeting_ms is not None
    assert report.greeting_ms < 1000
    assert Path(report.recording).is_file()

    stored = await server.call(call.call_sid, summarised)
    assert (stored["status"], stored["end_reason"]) == ("completed", "agent_hung_up")
    said = [line["text"] for line in stored["transcript"] if line["speaker"] == "user"]
    expected = " ".join(turn.text for turn in report.turns)
    assert wer.rate(expected, " ".join(said)) <= 0.15
    assert all(line["is_final"] for line in stored["transcript"])
    items = stored["summary"]["action_items"]
    assert any("Anna" in item["text"] and item["due_at"] for item in items)
    assert any("Dashwood" in point or "leisure" in point for point in stored["summary"]["key_points"])
    assert stored["stats"]["audio_chunks_received"] > 100
    assert stored["stats"]["transcript_lines_received"] == len(stored["transcript"])


@pytest.mark.alone
async def test_answers_come_within_two_and_a_half_seconds(server: RunningServer, voice: TextToSpeech) -> None:
    call = server.caller([WaitForTurn(), await spoken(voice, "What can you do?"), WaitForTurn(), HangUp()])
    report = await call.run()
    assert report.ok, (report.violations, report.problems)
    (turn,) = report.turns
    assert turn.answer_ms is not None
    assert turn.answer_ms < 2500


@pytest.mark.alone
async def test_a_caller_who_interrupts_is_heard_within_400_ms(server: RunningServer) -> None:
    call = server.caller([WaitForSpeech(2.5), recorded("lv_0880.wav"), Pause(1.5), HangUp()])
    report = await call.run()
    assert not report.violations
    (turn,) = report.turns
    assert turn.interrupting
    assert turn.clear_ms is not None
    assert turn.clear_ms <= 400
    stored = await server.call(call.call_sid, over)
    greeting = stored["transcript"][0]
    assert greeting["interrupted"]
    assert server.settings.agent_greeting.startswith(greeting["text"])
    assert greeting["text"] != server.settings.agent_greeting
    assert stored["end_reason"] == "caller_hung_up"


async def test_calls_at_the_same_time_keep_their_words_apart(server: RunningServer) -> None:
    names = ["jfk.wav", "lv_0870.wav", "ps_cards5.wav", "an4_date1.wav"]
    calls = [
        server.caller([WaitForSpeech(0.5), recorded(name), Pause(2.5), HangUp()], max_seconds=60)
        for name in names
    ]
    reports = await asyncio.gather(*(call.run() for call in calls))
    for name, call, report in zip(names, calls, reports, strict=True):
        assert not report.violations
        stored = await server.call(call.call_sid, over)
        said = " ".join(line["text"] for line in stored["transcript"] if line["speaker"] == "user")
        own = wer.rate(REFERENCES[name], said)
        others = [wer.rate(REFERENCES[other], said) for other in names if other != name]
        assert own < min(others)


@pytest.mark.alone
async def test_a_caller_is_connected_to_a_person(server: RunningServer, voice: TextToSpeech) -> None:
    call = server.caller(
        [WaitForTurn(), await spoken(voice, "Let me talk to a person, please."), WaitForHangUp()]
    )
    report = await call.run()
    assert not report.violations
    assert any(step.startswith("Dial") for step in report.trail)
    assert (await server.call(call.call_sid, over))["end_reason"] == "transferred"


async def test_live_events_tell_of_the_call_and_resume_without_a_gap(server: RunningServer) -> None:
    call = server.caller([WaitForTurn(), recorded("an4_date1.wav"), WaitForTurn(), HangUp()])
    running = asyncio.create_task(call.run())
    await server.call(call.call_sid)
    events: list[tuple[str, str]] = []
    url = f"{server.url}/api/calls/{call.call_sid}/events"
    headers = {"Authorization": "Bearer operator"}
    async with (
        asyncio.timeout(60),
        httpx2.AsyncClient(timeout=60, trust_env=False) as client,
        client.stream("GET", url, headers=headers) as stream,
    ):
        event = event_id = ""
        async for line in stream.aiter_lines():
            key, _, value = line.partition(": ")
            if key == "id":
                event_id = value
            elif key == "event":
                event = value
            elif key == "data":
                events.append((event, value))
    await running
    transcript = [json.loads(data) for event, data in events if event == "transcript"]
    assert any(line["speaker"] == "user" and not line["is_final"] for line in transcript)
    finals = [line for line in transcript if line["is_final"]]
    stored = await server.call(call.call_sid, summarised)
    # A line is told of when it is final, and stands where it began: a caller and an agent may speak at once.
    told = sorted(finals, key=lambda line: line["seq"])
    assert [line["text"] for line in told] == [line["text"] for line in stored["transcript"]]
    assert [event for event, _ in events][-2:] == ["status", "summary"]
    assert event_id == str(len(finals))

    async with httpx2.AsyncClient(trust_env=False) as client:
        rest = await client.get(url, headers=headers | {"Last-Event-ID": "1"})
    assert "id: 1\n" not in rest.text
    assert rest.text.count("event: transcript") == len(finals) - 1


@pytest.mark.parametrize("path", ["", "/transcript", "/events"])
async def test_only_the_operator_reads_calls(server: RunningServer, path: str) -> None:
    for token in ("guess", "operator2", "Operator"):
        response = await server.get(f"/api/calls/CA1{path}", token)
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "unauthorized"


async def test_an_unknown_call_is_said_to_be_unknown(server: RunningServer) -> None:
    for path in ("", "/transcript", "/events"):
        response = await server.get(f"/api/calls/CAunknown{path}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "unknown_call")
