"""Whole simulated calls against a small agent on a real socket."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest
from starlette.websockets import WebSocket
from twilio.request_validator import RequestValidator

from app.simulator.caller import SimulatedCall
from app.simulator.script import HangUp, Pause, Play, Press, WaitForHangUp, WaitForSpeech, WaitForTurn
from tests.simulator.agent_server import YES, Agent, serving, tone

TOKEN = "12345"


async def answer_once(agent: Agent, socket: WebSocket) -> None:
    """Greet, hear the caller out, answer, wait until that was heard, hang up."""
    await agent.receive_until(socket, "start")
    await agent.play(socket, tone(0.3))
    await agent.mark(socket, "greeting")
    await agent.hear_voice(socket)
    await agent.hear_silence(socket, 0.3)
    await agent.play(socket, tone(0.5))
    await agent.mark(socket, "answer")
    while (await agent.receive_until(socket, "mark"))["mark"]["name"] != "answer":
        pass


async def listen(agent: Agent, socket: WebSocket) -> None:
    """Say nothing until the caller hangs up."""
    await agent.receive_until(socket, "stop")


async def test_a_call_goes_from_webhook_to_hang_up(tmp_path: Path) -> None:
    async with serving(answer_once) as agent:
        call = SimulatedCall(
            agent.url,
            [WaitForTurn(silence=0.3), Play(YES, "yes"), WaitForHangUp()],
            auth_token=TOKEN,
            record_to=tmp_path,
        )
        report = await call.run()
    assert report.violations == ()
    assert report.problems == ()
    assert report.ok
    assert report.ended_by == "agent"
    assert report.trail == ("Connect", "Hangup")
    assert agent.paths() == ["/voice/incoming", "/voice/next", "/voice/status"]
    assert [form["CallStatus"] for _, form, _ in agent.requests] == ["ringing", "in-progress", "completed"]
    assert {form["CallSid"] for _, form, _ in agent.requests} == {report.call_sid}
    assert report.greeting_ms is not None
    assert report.greeting_ms < 200
    (turn,) = report.turns
    assert turn.text == "yes"
    assert turn.answer_ms is not None
    assert 200 < turn.answer_ms < 700
    assert not turn.interrupting
    assert (report.marks_received, report.marks_returned) == (2, 2)
    with wave.open(report.recording) as recording:
        assert recording.getnchannels() == 2
        assert recording.getframerate() == 8000
        assert recording.getnframes() == report.duration_ms * 8


async def test_every_request_and_the_upgrade_are_signed() -> None:
    async with serving(listen) as agent:
        await SimulatedCall(agent.url, [Pause(0.1)], auth_token=TOKEN).run()
    validator = RequestValidator(TOKEN)
    for path, form, headers in agent.requests:
        assert validator.validate(agent.url + path, form, headers["x-twilio-signature"])
    (upgrade,) = agent.upgrades
    assert validator.validate(agent.stream_url, {}, upgrade["x-twilio-signature"])


async def test_nothing_is_signed_without_a_token() -> None:
    async with serving(listen) as agent:
        await SimulatedCall(agent.url, [HangUp()]).run()
    assert not any("x-twilio-signature" in headers for _, _, headers in agent.requests)


async def test_the_stream_is_what_twilio_sends() -> None:
    async with serving(listen) as agent:
        report = await SimulatedCall(agent.url, [Pause(0.2), Press("7#"), HangUp()]).run()
    connected, start, *rest = agent.messages
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start["start"]["customParameters"] == {"token": "t&1"}
    assert start["start"]["callSid"] == report.call_sid
    assert [message["sequenceNumber"] for message in (start, *rest)] == [
        str(n + 1) for n in range(len(rest) + 1)
    ]
    assert [message["dtmf"]["digit"] for message in rest if message["event"] == "dtmf"] == ["7", "#"]
    media = [message["media"] for message in rest if message["event"] == "media"]
    assert [frame["timestamp"] for frame in media[:3]] == ["0", "20", "40"]
    assert rest[-1]["event"] == "stop"
    assert report.ended_by == "caller"


async def test_frames_keep_to_real_time() -> None:
    async with serving(listen) as agent:
        report = await SimulatedCall(agent.url, [Pause(1.0), HangUp()]).run()
    frames = sum(message["event"] == "media" for message in agent.messages)
    assert frames == 50
    assert report.worst_lateness_ms < 200


async def test_a_caller_who_hangs_up_gets_no_further_stream() -> None:
    async with serving(listen) as agent:
        agent.documents["/voice/next"] = agent.connect()
        report = await SimulatedCall(agent.url, [Pause(0.1)]).run()
    assert report.ended_by == "caller"
    assert len(agent.upgrades) == 1
    assert [form["CallStatus"] for path, form, _ in agent.requests if path == "/voice/next"] == ["completed"]


async def test_an_interruption_is_measured_to_the_clear() -> None:
    async def talk(agent: Agent, socket: WebSocket) -> None:
        await agent.receive_until(socket, "start")
        await agent.play(socket, tone(10.0))
        for name in ("one", "two"):
            await agent.mark(socket, name)
        await agent.hear_voice(socket)
        await agent.clear(socket)
        marks = [(await agent.receive_until(socket, "mark"))["mark"]["name"] for _ in range(2)]
        assert marks == ["one", "two"]
        await agent.receive_until(socket, "stop")

    async with serving(talk) as agent:
        report = await SimulatedCall(agent.url, [WaitForSpeech(0.4), Play(YES, "yes")]).run()
    assert report.ok
    (turn,) = report.turns
    assert turn.interrupting
    assert turn.clear_ms is not None
    assert turn.clear_ms < 200
    assert turn.answer_ms is None
    assert len(report.cuts) == 1


async def test_a_lost_call_is_taken_up_by_a_fresh_stream() -> None:
    async def talk(agent: Agent, socket: WebSocket) -> None:
        await agent.receive_until(socket, "start")
        if len(agent.upgrades) == 1:
            return
        await agent.receive_until(socket, "stop")

    async with serving(talk) as agent:
        agent.documents["/voice/next"] = agent.connect(attributes="")
        report = await SimulatedCall(agent.url, [Pause(0.5)]).run()
    starts = [message for message in agent.messages if message["event"] == "start"]
    assert len(starts) == 2
    assert starts[0]["start"]["callSid"] == starts[1]["start"]["callSid"]
    assert starts[0]["streamSid"] != starts[1]["streamSid"]
    assert starts[1]["sequenceNumber"] == "1"
    assert report.ok
    assert report.trail == ("Connect", "Connect")


async def test_a_connection_cut_without_a_close_frame_is_reported_and_followed() -> None:
    async def talk(agent: Agent, socket: WebSocket) -> None:
        await agent.receive_until(socket, "start")
        agent.cut()

    async with serving(talk) as agent:
        report = await SimulatedCall(agent.url, [WaitForHangUp()]).run()
    assert [violation.code for violation in report.violations] == [31903]
    assert report.trail == ("Connect", "Hangup")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"\xff" * 160, 31950),
        ("not json", 31950),
        ('{"event":"transcript","streamSid":"$"}', 31951),
        ('{"event":"clear","streamSid":"MZ0"}', 31951),
        ('{"event":"clear"}', 31951),
        ('{"event":"media","streamSid":"$","media":{"payload":"!"}}', 31951),
        ('{"event":"media","streamSid":"$","media":{"payload":"/w==","track":"outbound"}}', 31951),
        ('{"event":"mark","streamSid":"$","mark":{"name":""}}', 31951),
    ],
)
async def test_what_twilio_warns_about_fails_the_call(message: str | bytes, code: int) -> None:
    async def talk(agent: Agent, socket: WebSocket) -> None:
        await agent.receive_until(socket, "start")
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_text(message.replace("$", socket.state.stream_sid))

    async with serving(talk) as agent:
        report = await SimulatedCall(agent.url, [WaitForHangUp()]).run()
    assert [violation.code for violation in report.violations] == [code]
    assert not report.ok


async def test_a_refused_upgrade_is_reported_and_the_call_goes_on() -> None:
    async with serving(listen) as agent:
        agent.documents["/voice/incoming"] = agent.connect().replace("/stream", "/elsewhere")
        report = await SimulatedCall(agent.url, [HangUp()]).run()
    assert [violation.code for violation in report.violations] == [31920]
    assert report.trail == ("Connect", "Hangup")


async def test_an_http_error_ends_the_call() -> None:
    async with serving(listen) as agent:
        agent.status = 500
        report = await SimulatedCall(agent.url, [HangUp()]).run()
    assert report.ended_by == "error"
    assert [violation.code for violation in report.violations] == [11200, 11200]


async def test_twiml_of_another_type_is_refused() -> None:
    async with serving(listen) as agent:
        agent.content_type = "application/json"
        report = await SimulatedCall(agent.url, [HangUp()]).run()
    assert [violation.code for violation in report.violations] == [12300]


async def test_a_transfer_reports_how_the_dialled_number_answered() -> None:
    async with serving(listen) as agent:
        agent.documents["/voice/incoming"] = (
            '<Response><Dial timeout="1" action="after?x=1"><Number>+15550100</Number></Dial></Response>'
        )
        report = await SimulatedCall(agent.url, [], dial_status="no-answer").run()
    assert report.trail == ("Dial +15550100", "Hangup")
    path, form, _ = agent.requests[1]
    assert path == "/voice/after"
    assert form["DialCallStatus"] == "no-answer"
    assert report.duration_ms == 1000


async def test_the_other_verbs_take_their_time() -> None:
    async with serving(listen) as agent:
        agent.documents["/voice/incoming"] = (
            '<Response><Say>Please hold, ok.</Say><Pause length="1"/><Play digits="1"/>'
            "<Redirect>/voice/next</Redirect></Response>"
        )
        report = await SimulatedCall(agent.url, []).run()
    assert report.trail == ("Say", "Pause", "Play", "Redirect", "Hangup")
    assert report.duration_ms == pytest.approx(16 / 15 * 1000 + 1500, abs=40)


async def test_a_played_file_is_audible() -> None:
    async with serving(listen) as agent:
        agent.documents["/voice/incoming"] = "<Response><Play>/prompt.ulaw</Play></Response>"
        agent.files["/prompt.ulaw"] = tone(0.2)
        report = await SimulatedCall(agent.url, []).run()
    assert report.ok
    assert report.greeting_ms == 0


async def test_stream_callbacks_come_at_both_ends() -> None:
    async with serving(listen) as agent:
        agent.documents["/voice/incoming"] = agent.connect(
            stream='name="talk" statusCallback="/voice/stream-status"'
        )
        await SimulatedCall(agent.url, [Pause(0.1)]).run()
    events = [form["StreamEvent"] for path, form, _ in agent.requests if path == "/voice/stream-status"]
    assert events == ["stream-started", "stream-stopped"]


async def test_an_endless_call_is_hung_up() -> None:
    async with serving(listen) as agent:
        report = await SimulatedCall(agent.url, [Pause(60)], max_seconds=0.3).run()
    assert report.ended_by == "caller"
    assert report.problems == ("The call was not over after 0.3 seconds, 0.3 s into the call.",)


async def test_speech_cut_off_by_the_hang_up_is_a_problem() -> None:
    async def talk(agent: Agent, socket: WebSocket) -> None:
        await agent.receive_until(socket, "start")
        await agent.play(socket, tone(1.0))
        await agent.receive_until(socket, "media")

    async with serving(talk) as agent:
        report = await SimulatedCall(agent.url, [WaitForHangUp()]).run()
    (problem,) = report.problems
    assert "had not been played" in problem
