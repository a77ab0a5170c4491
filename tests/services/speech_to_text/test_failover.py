"""Two recognisers behind Google's protocol on loopback, as one: the first fails, the second goes on."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from grpc import StatusCode as Code
from prometheus_client import REGISTRY

from app.errors import SettingError
from app.services.speech_to_text import (
    Final,
    RecognitionEvent,
    RecognitionStream,
    SpeechEnded,
    SpeechStarted,
)
from app.services.speech_to_text.failover import FailoverSpeechToText
from app.services.speech_to_text.google import GoogleSpeechToText
from app.settings import load_settings
from tests.providers.google_speech_server import Script, Speech, SpeechServer

REFUSED = Script(0, Code.PERMISSION_DENIED, "The caller does not have permission")
SECONDS = 1.5


class Engine(GoogleSpeechToText):
    """One of several, with a name of its own."""

    def __init__(self, name: str, address: str) -> None:
        super().__init__(
            load_settings(
                google_speech_endpoint=address,
                google_plaintext=True,
                google_cloud_project_id="p",
                failover_seconds=SECONDS,
            )
        )
        self.name = name


@asynccontextmanager
async def two(
    words: list[str],
    first: Callable[[int], Script],
    second: Callable[[int], Script] = lambda n: Script(),
    cool_down: float = 30.0,
) -> AsyncIterator[tuple[FailoverSpeechToText, SpeechServer, SpeechServer]]:
    async with SpeechServer(words, first).serving() as one, SpeechServer(words, second).serving() as other:
        engines = [Engine("first", one.address), Engine("second", other.address)]
        recogniser = FailoverSpeechToText(engines, SECONDS, cool_down)
        await recogniser.start()
        try:
            yield recogniser, one, other
        finally:
            await recogniser.aclose()


async def play(stream: RecognitionStream, speech: Speech, speed: float) -> None:
    for at in range(0, len(speech.audio), 800):
        stream.push(bytes(speech.audio[at : at + 800]))
        await asyncio.sleep(0.1 / speed)
    stream.finish()


async def hear(recogniser: FailoverSpeechToText, speech: Speech, speed: float = 10) -> list[RecognitionEvent]:
    async with recogniser.stream("CA1") as stream, asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(play(stream, speech, speed))
        return [event async for event in stream]


def words(events: list[RecognitionEvent]) -> list[str]:
    return [word for event in events if isinstance(event, Final) for word in event.text.split()]


def talk(sentences: int) -> Speech:
    speech = Speech().silence(300)
    for number in range(sentences):
        speech.sentence(f"a{number} b{number} c{number} d{number}", 700)
    return speech


def switches(to: str) -> float:
    labels = {"service": "speech_to_text", "to": to}
    return REGISTRY.get_sample_value("offhook_provider_switches_total", labels) or 0.0


async def test_the_first_one_serves_while_it_works() -> None:
    speech = talk(3)
    async with two(speech.words, lambda n: Script()) as (recogniser, first, second):
        assert words(await hear(recogniser, speech)) == speech.words
        assert (len(first.configs), len(second.configs)) == (1, 0)
        assert recogniser.ready
        assert recogniser.name == "first, second"


@pytest.mark.parametrize("fault", [Code.PERMISSION_DENIED, Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED])
async def test_the_second_goes_on_in_the_same_call_in_the_calls_time(fault: Code) -> None:
    speech = talk(5)

    def script(stream: int) -> Script:
        return Script(4000 if stream == 0 else 0, fault)

    before = switches("second")
    async with two(speech.words, script) as (recogniser, first, second):
        events = await hear(recogniser, speech)
    assert words(events) == speech.words
    assert [event.ended_ms for event in events if isinstance(event, Final)] == speech.ends_ms[3::4]
    assert first.configs
    assert len(second.configs) == 1
    assert switches("second") == before + 1


class Broken:
    """A recogniser with a bug: it uses another one that was not started."""

    name = "broken"
    ready = True

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    @asynccontextmanager
    async def stream(self, call_sid: str) -> AsyncIterator[RecognitionStream]:
        async with Engine("unstarted", "127.0.0.1:1").stream(call_sid) as stream:
            yield stream


async def test_a_recogniser_with_a_bug_does_not_end_the_call() -> None:
    speech = talk(2)
    async with SpeechServer(speech.words).serving() as server:
        recogniser = FailoverSpeechToText([Broken(), Engine("second", server.address)], SECONDS)
        await recogniser.start()
        assert words(await hear(recogniser, speech)) == speech.words
        await recogniser.aclose()


async def test_a_switch_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    speech = talk(2)
    with caplog.at_level(logging.WARNING):
        async with two(speech.words, lambda n: REFUSED) as (recogniser, _, _):
            await hear(recogniser, speech)
    [line] = [record.getMessage() for record in caplog.records if "speech recognition" in record.getMessage()]
    assert "call CA1: speech recognition goes from first to second at 0 ms" in line
    assert "The caller does not have permission" in line


async def test_a_voice_that_gets_no_answer_goes_to_the_second_in_time() -> None:
    speech = talk(6)
    async with two(speech.words, lambda n: Script(quiet_from_ms=3000)) as (recogniser, first, second):
        events = await hear(recogniser, speech, speed=2)
        assert words(events) == speech.words
        assert second.configs
        # What the second heard shows that there was a voice: the next call does not try the first.
        assert words(await hear(recogniser, speech)) == speech.words
        assert len(first.configs) == 1


async def test_a_server_that_answers_late_is_waited_for() -> None:
    speech = talk(2)
    async with two(speech.words, lambda n: Script(late_seconds=0.05)) as (recogniser, _, second):
        assert words(await hear(recogniser, speech, speed=2)) == speech.words
        assert not second.configs


async def test_silence_needs_no_answer() -> None:
    async with two([], lambda n: Script()) as (recogniser, _, second):
        assert await hear(recogniser, Speech().silence(8000), speed=4) == []
        assert not second.configs


async def test_a_voice_that_was_heard_when_the_first_failed_has_stopped_for_all_one_knows() -> None:
    speech = talk(3)

    def script(stream: int) -> Script:
        return Script(2600 if stream == 0 else 0, Code.PERMISSION_DENIED)

    async with two(speech.words, script) as (recogniser, _, _):
        events = await hear(recogniser, speech)
    story = [event for event in events if isinstance(event, SpeechStarted | SpeechEnded)]
    assert [type(event) for event in story] == [SpeechStarted, SpeechEnded] * 4
    assert words(events) == speech.words


async def test_the_first_is_tried_again_when_it_has_cooled_down() -> None:
    speech = talk(1)
    is_well = asyncio.Event()

    def script(stream: int) -> Script:
        return Script() if is_well.is_set() else REFUSED

    async with two(speech.words, script, cool_down=0.5) as (recogniser, first, second):
        assert words(await hear(recogniser, speech)) == speech.words
        assert second.configs
        is_well.set()
        first.configs.clear()
        second.configs.clear()
        await asyncio.sleep(0.5)
        assert words(await hear(recogniser, speech)) == speech.words
        assert (len(first.configs), len(second.configs)) == (1, 0)


@pytest.mark.parametrize("fault", [REFUSED, Script(quiet_from_ms=0)], ids=["refused", "silent"])
async def test_a_call_goes_back_to_the_first_in_a_pause_once_it_is_well(fault: Script) -> None:
    speech = talk(14)
    well_at = time.monotonic() + 1.2

    def script(stream: int) -> Script:
        return fault if time.monotonic() < well_at else Script()

    async with two(speech.words, script, cool_down=0.2) as (recogniser, first, second):
        events = await hear(recogniser, speech, speed=8)
        assert words(events) == speech.words
        assert [event.ended_ms for event in events if isinstance(event, Final)] == speech.ends_ms[3::4]
        # It was tried too early, too: that did no harm.
        assert len(first.configs) >= 2
        assert second.configs
        configs = len(first.configs), len(second.configs)
        assert words(await hear(recogniser, speech, speed=40)) == speech.words
        assert (len(first.configs), len(second.configs)) == (configs[0] + 1, configs[1])


async def test_words_that_never_become_final_go_to_the_second() -> None:
    """The first hears "five", and then nothing more; the caller waits for an answer."""
    speech = Speech().sentence("one two three four five", 3000)
    begun = time.monotonic()
    async with two(speech.words, lambda n: Script(quiet_from_ms=1501)) as (ears, _, second):
        stream = ears.stream("CA1")
        async with stream as listening, asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(play(listening, speech, 1))
            finals = [event async for event in listening if isinstance(event, Final)]
        assert [final.text for final in finals] == ["one two three four five"]
        assert len(second.configs) == 1
    assert time.monotonic() - begun < 8


async def test_when_none_can_a_call_is_not_dropped() -> None:
    speech = talk(6)

    def script(stream: int) -> Script:
        return REFUSED if stream < 2 else Script()

    async with two(speech.words, script, lambda n: REFUSED) as (recogniser, _, _):
        assert words(await hear(recogniser, speech, speed=4)) == speech.words


@pytest.mark.alone
async def test_a_hundred_calls_with_both_failing_at_random_lose_and_double_nothing() -> None:
    rng = random.Random(5)
    speech = talk(6)

    def script(stream: int) -> Script:
        code = rng.choice([Code.UNAVAILABLE, Code.PERMISSION_DENIED, Code.ABORTED, Code.RESOURCE_EXHAUSTED])
        return Script(rng.randrange(100, 9000) if rng.random() < 0.4 else None, code)

    async with two(speech.words, script, script, cool_down=0.2) as (recogniser, first, second):
        for _ in range(4):  # all at once they keep a busy machine from answering in time
            calls = await asyncio.gather(*(hear(recogniser, speech, 4) for _ in range(25)))
            assert [words(call) for call in calls] == [speech.words] * 25
        assert first.configs
        assert second.configs
    assert (first.active, second.active) == (0, 0)


async def test_one_that_is_set_up_wrongly_is_named() -> None:
    engines = [GoogleSpeechToText(load_settings(google_plaintext=True)), Engine("second", "127.0.0.1:1")]
    with pytest.raises(SettingError, match="GOOGLE_CLOUD_PROJECT_ID"):
        await FailoverSpeechToText(engines, SECONDS).start()
    assert not engines[1].ready
