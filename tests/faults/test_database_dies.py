"""A whole server in calls; its database is killed, then the server itself."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.encryption import Encryption
from app.simulator import audio
from app.simulator.caller import SimulatedCall
from app.simulator.script import HangUp, Pause, Play, WaitForSpeech
from app.store.migrate import migrate
from app.store.operations import LineWritten
from app.store.spool import Record, TornError
from tests.calls.servers import over, summarised
from tests.faults.server_process import ServerProcess
from tests.faults.site import cheap_voice
from tests.services.speech_to_text import wer
from tests.store.postgres import Server, own_server

SPEECH = Path(__file__).parent.parent / "speech"
REFERENCES = {entry["file"]: entry["text"] for entry in json.loads((SPEECH / "references.json").read_text())}
KEY = base64.urlsafe_b64encode(b"k" * 32).decode()


@pytest.fixture
async def voice() -> AsyncIterator[dict[str, str]]:
    async with cheap_voice() as found:
        yield found


@pytest.fixture
async def postgres() -> AsyncIterator[Server]:
    async with own_server() as server:
        yield server


def recorded(name: str) -> Play:
    return Play(audio.load(SPEECH / name), REFERENCES[name])


async def test_what_callers_say_while_the_database_is_dead_survives_the_death_of_the_server_too(
    postgres: Server, voice: dict[str, str], tmp_path: Path
) -> None:
    url = await postgres.start()
    await migrate(url)
    # The first words are stored, the second spoken into the outage, the third nobody hears.
    first, second = recorded("an4_date1.wav"), recorded("lv_0880.wav")
    calls = []
    process = ServerProcess(url, tmp_path, ENCRYPTION_KEYS=KEY, **voice)
    async with process.running() as server:
        for _ in range(2):
            call = SimulatedCall(
                process.settings.webhook_url,
                [WaitForSpeech(0.5), first, Pause(4), second, Pause(60), HangUp()],
            )
            calls.append((call, asyncio.create_task(call.run())))
        for call, _ in calls:
            heard = await process.seen.call(call.call_sid, lambda call: bool(said(call)))
            assert heard["status"] == "in-progress"
        await postgres.crash(signal.SIGKILL)
        async with asyncio.timeout(90):
            while set(spooled_words(tmp_path / "spool")) < {call.call_sid for call, _ in calls}:
                await asyncio.sleep(0.2)
        server.kill()
        await server.wait()
        for _, running in calls:
            running.cancel()
        await asyncio.wait([running for _, running in calls])
    await postgres.start()
    async with process.running():
        for call, _ in calls:
            stored = await process.seen.call(call.call_sid, lambda call: over(call) and bool(said(call)), 60)
            stored = await process.seen.call(call.call_sid, lambda call: len(said(call)) >= 2, 30)
            assert wer.rate(f"{first.text} {second.text}", " ".join(said(stored))) <= 0.2
            seqs = Counter(line["seq"] for line in stored["transcript"])
            assert set(seqs.values()) == {1}
            await process.seen.call(call.call_sid, summarised, 60)
        assert not list((tmp_path / "spool").iterdir())


def spooled_words(spools: Path) -> Iterator[str]:
    """The calls of which a caller's final words are on the disk."""
    for path in spools.glob("*.spool"):
        for record in path.read_bytes().splitlines(keepends=True):
            with contextlib.suppress(TornError):
                for _, operation in Record.decode(record, Encryption([KEY]), path.stem).numbered():
                    if (
                        isinstance(operation, LineWritten)
                        and operation.speaker == "user"
                        and operation.is_final
                    ):
                        yield operation.call_sid


def said(call: dict[str, object]) -> list[str]:
    transcript = call["transcript"]
    assert isinstance(transcript, list)
    return [line["text"] for line in transcript if line["speaker"] == "user" and line["is_final"]]
