"""Recorded human speech to Google's protocol on loopback, with each of its faults at random points."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from itertools import chain

import pytest
from grpc import StatusCode as Code

from app.services.speech_to_text import Final
from app.services.speech_to_text.failover import FailoverSpeechToText
from app.services.speech_to_text.google import GoogleSpeechToText
from app.settings import load_settings
from tests.providers.google_faults import LASTING, PASSING
from tests.providers.google_speech_server import Script, SpeechServer
from tests.providers.recorded_ear import Recordings
from tests.services.speech_to_text.recordings import REFERENCES, recording

CALLS = 4
"""Of each fault and API: 136 in all."""
UTTERANCES = 2
SPEED = 6
SECONDS = 1.5
PIECE = 800

AUDIO = {name: recording(name) for name in REFERENCES}

FAULTS: list[Callable[[int], Script]] = [
    *(partial(Script, code=code, details=details) for code, details in (*PASSING, *LASTING)),
    lambda at: Script(at, Code.UNAVAILABLE, words=False),
    lambda at: Script(quiet_from_ms=at),
    lambda at: Script(closes_at_ms=at),
    lambda at: Script(late_seconds=0.02),
]
"""By the millisecond of a stream at which they happen."""


@pytest.fixture(scope="module")
def recordings() -> Recordings:
    return Recordings({AUDIO[name]: text for name, text in REFERENCES.items()})


class Engine(GoogleSpeechToText):
    """One of two, with a name of its own."""

    def __init__(self, name: str, address: str, api: str) -> None:
        super().__init__(
            load_settings(
                google_speech_endpoint=address,
                google_speech_api=api,
                google_plaintext=True,
                google_cloud_project_id="p",
                failover_seconds=SECONDS,
            )
        )
        self.name = name


async def hear(recogniser: FailoverSpeechToText, names: list[str]) -> list[str]:
    audio = b"".join(AUDIO[name] for name in names)

    async def play() -> None:
        for at in range(0, len(audio), PIECE):
            stream.push(audio[at : at + PIECE])
            await asyncio.sleep(PIECE / 8000 / SPEED)
        stream.finish()

    async with recogniser.stream("CA1") as stream, asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(play())
        finals = [event.text.split() async for event in stream if isinstance(event, Final)]
    return list(chain.from_iterable(finals))


@pytest.mark.parametrize("api", ["v1", "v2"])
async def test_every_word_is_heard_exactly_once_whatever_google_does(
    api: str, recordings: Recordings
) -> None:
    async def calls_with(number: int) -> int:
        """Calls that meet one fault. Returns how many streams it took."""
        rng = random.Random(f"{number} {api}")

        def script(stream: int) -> Script:
            return (
                FAULTS[number](rng.randrange(7000)) if rng.random() < 0.7 else Script(words=number % 2 == 0)
            )

        async with (
            SpeechServer([], script, recordings.ear).serving() as one,
            SpeechServer([], ear=recordings.ear).serving() as other,
        ):
            engines = [Engine("first", one.address, api), Engine("second", other.address, api)]
            recogniser = FailoverSpeechToText(engines, SECONDS, cool_down=0.3)
            await recogniser.start()
            calls = [rng.sample(sorted(REFERENCES), UTTERANCES) for _ in range(CALLS)]
            heard = await asyncio.gather(*(hear(recogniser, names) for names in calls))
            await recogniser.aclose()
            for names, words in zip(calls, heard, strict=True):
                assert words == [word for name in names for word in REFERENCES[name].split()]
            return len(one.configs) + len(other.configs)

    streams = await asyncio.gather(*(calls_with(number) for number in range(len(FAULTS))))
    assert sum(streams) > 1.4 * CALLS * len(FAULTS)
