"""Whole calls in real time: Google's ears, OpenAI's mind, Google's voice, and what a caller notices when one
of them fails. All on loopback, with the real clients; the callers are recordings of people."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from grpc import StatusCode
from starlette.applications import Starlette

from app.simulator.listening import voice_span
from app.simulator.report import CallReport
from app.simulator.script import HangUp, Play, WaitForTurn
from tests.calls.conftest import serving
from tests.calls.servers import RunningServer, summarised
from tests.providers import openai_server
from tests.providers.google_speech_server import Script, SpeechServer
from tests.providers.google_voice_server import GoogleVoiceServer
from tests.providers.openai_server import Answer, Call, OpenAIServer, Stall
from tests.providers.openai_voice_server import KEY, OpenAIVoiceServer
from tests.providers.recorded_ear import Recordings
from tests.providers.voices import Stall as VoiceStall
from tests.services.speech_to_text import wer
from tests.services.speech_to_text.recordings import REFERENCES, recording

FIRST, SECOND = "ps_goforward.wav", "an4_date1.wav"
WITHIN_MS = 5000
"""After the caller's voice. It takes half of that on a machine with nothing else to do; three seconds count
from a provider's failure, which comes after Google has seen that the voice has ended."""
AUDIO = {name: recording(name)[: voice_span(recording(name)).end_ms * 8] for name in REFERENCES}
"""Up to the end of the voice: answers come before the silence in some of the files is over."""
SUMMARY = {"summary": "The caller gave directions.", "key_points": ["Ten meters."], "action_items": []}
NOTED = "I have noted that."
NOTE = {"kind": "note", "text": "go forward ten meters", "due_at": None, "id": None, "state": "noted"}


@dataclass
class Providers:
    speech: SpeechServer
    voice: GoogleVoiceServer
    other_voice: OpenAIVoiceServer
    openai: OpenAIServer

    def will_say(self, *answers: Answer) -> None:
        """What every model says, by how many of the caller's turns there have been: a model may be asked
        before the caller has finished, and once more then. After a tool's result it is `NOTED`."""

        def answer(request: dict[str, Any]) -> Answer:
            if request["model"] == "writer":
                return [json.dumps(SUMMARY)]
            roles = [message["role"] for message in request["messages"]]
            return [NOTED] if roles[-1] == "tool" else answers[roles.count("user") - 1]

        self.openai.otherwise = answer

    def will_hear(self, *scripts: Script) -> None:
        """What the next streams of recognition do; all others are well."""
        begun = len(self.speech.configs)
        self.speech.scripts = lambda n: scripts[n - begun] if n - begun < len(scripts) else Script()


@pytest.fixture(scope="module")
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
async def providers(stack: AsyncExitStack) -> Providers:
    recordings = Recordings({AUDIO[name]: text for name, text in REFERENCES.items()})
    openai, other_voice = OpenAIServer(), OpenAIVoiceServer()
    app = Starlette(routes=[*openai.routes(), *other_voice.routes()])
    openai.url = f"http://{await stack.enter_async_context(openai_server.serving(app))}/v1"
    return Providers(
        await stack.enter_async_context(SpeechServer([], ear=recordings.ear).serving()),
        await stack.enter_async_context(GoogleVoiceServer()),
        other_voice,
        openai,
    )


@pytest.fixture(scope="module")
async def server(
    providers: Providers,
    stack: AsyncExitStack,
    postgres_server: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> RunningServer:
    return await stack.enter_async_context(
        serving(
            postgres_server,
            tmp_path_factory.mktemp("providers"),
            speech_to_text="google,local",
            text_to_speech="google,openai",
            language_model="openai,local",
            google_plaintext=True,
            google_cloud_project_id="p",
            google_speech_endpoint=providers.speech.address,
            google_tts_endpoint=providers.voice.address,
            openai_base_url=providers.openai.url,
            openai_api_key=KEY,
            openai_speech_model="a-voice",
            openai_model="first,second",
            openai_summary_model="writer",
            agent_greeting="Good morning.",
        )
    )


async def called(server: RunningServer, names: Sequence[str]) -> tuple[CallReport, Any]:
    """A caller who says these recordings and hears an answer to each; and the call as it is stored."""
    steps = [step for name in names for step in (Play(AUDIO[name], REFERENCES[name]), WaitForTurn())]
    server_side = server.caller([WaitForTurn(), *steps, HangUp()], max_seconds=60)
    report = await server_side.run()
    assert report.ok, (report.violations, report.problems)
    return report, await server.call(server_side.call_sid, summarised)


def said(call: Any, speaker: str) -> list[str]:
    return [line["text"] for line in call["transcript"] if line["speaker"] == speaker]


async def test_a_call_from_greeting_to_summary_though_recognition_breaks_off_twice(
    server: RunningServer, providers: Providers
) -> None:
    unavailable = Script(3300, StatusCode.UNAVAILABLE)
    too_old = Script(900, StatusCode.ABORTED, "Max duration of 5 minutes reached for stream.")
    providers.will_hear(unavailable, too_old)
    providers.will_say([Call("save_item", (json.dumps(NOTE),))], ["That is a date."])
    report, call = await called(server, [FIRST, SECOND])
    assert said(call, "user") == [REFERENCES[FIRST], REFERENCES[SECOND]]
    # On a busy machine it may ask for a moment in between.
    answers = " ".join(said(call, "assistant"))
    assert answers.startswith("Good morning.")
    assert (answers.count(NOTED), answers.count("That is a date.")) == (1, 1)
    assert call["summary"]["summary"] == SUMMARY["summary"]
    assert call["summary"]["model"] == "writer"
    assert len(providers.speech.configs) == 3
    assert all(turn.answer_ms is not None and turn.answer_ms < WITHIN_MS for turn in report.turns)


async def test_an_answer_comes_in_time_though_both_models_hang(
    server: RunningServer, providers: Providers
) -> None:
    providers.will_hear()
    providers.will_say([Stall()])
    report, call = await called(server, [FIRST])
    assert said(call, "user") == [REFERENCES[FIRST]]
    assert report.turns[0].answer_ms is not None
    assert report.turns[0].answer_ms < WITHIN_MS


async def test_an_answer_is_spoken_in_time_though_the_voice_hangs(
    server: RunningServer, providers: Providers
) -> None:
    providers.will_hear()
    providers.will_say(["Ten meters it is."])
    providers.voice.script = [VoiceStall()]
    report, call = await called(server, [FIRST])
    providers.voice.script = None
    assert said(call, "assistant")[-1].endswith("Ten meters it is.")
    assert report.turns[0].answer_ms is not None
    assert report.turns[0].answer_ms < WITHIN_MS
    assert providers.other_voice.requests


async def test_the_local_recogniser_answers_for_one_that_falls_silent(
    server: RunningServer, providers: Providers
) -> None:
    providers.will_hear(*[Script(quiet_from_ms=3000)] * 9)
    providers.will_say(["Thank you."])
    report, call = await called(server, ["lv_0870.wav"])
    words = " ".join(said(call, "user"))
    # On a busy machine the last of it may come too late to be written down.
    assert wer.rate(REFERENCES["lv_0870.wav"], words) < 0.5
    assert not any(one == other for one, other in pairwise(words.split()))
    assert report.turns[0].answer_ms is not None
    assert report.turns[0].answer_ms < WITHIN_MS
