from __future__ import annotations

import asyncio

from app.conversation.latency import TurnLatency
from app.services.language_model import Say
from app.services.speech_to_text import Final, SpeechEnded, SpeechStarted
from tests.conversation.engines import a_call


def test_a_stage_counts_when_it_is_reached_first() -> None:
    latency = TurnLatency()
    latency.reach("first_audio", 1300)
    latency.reach("first_audio", 1900)
    assert latency.since(1000) == {"first_audio": 300}


def test_of_decisions_the_last_counts() -> None:
    latency = TurnLatency()
    latency.reach("decision", 1400)
    latency.reach("decision", 2100)
    assert latency.since(1000) == {"decision": 1100}


def test_what_the_caller_waits_is_told_first() -> None:
    latency = TurnLatency()
    latency.reach("decision", 1400)
    latency.reach("voice_to_voice", 1500)
    assert list(latency.since(1000)) == ["voice_to_voice", "decision"]


async def test_the_end_of_the_voice_lies_in_the_audio_and_not_where_it_was_told() -> None:
    async with a_call([Say("Yes.")]) as call:
        await call.until_clause("Hello.")
        call.play_marks()
        call.pass_time(1)
        await asyncio.sleep(0.06)
        call.ears.hear(SpeechStarted(500), SpeechEnded(1000), Final("What time is it?", 500, 1000))
        await call.until_clause("Yes.")
        call.play_marks()
        async with asyncio.timeout(5):
            while not call.conversation.latencies:
                await asyncio.sleep(0)
        assert call.conversation.latencies[0]["final"] >= 60
