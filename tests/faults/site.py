"""A site: several server processes behind one plain balancer, with providers that cost little, and callers
whose every word is known. What became of their calls is checked in the database."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO

import asyncpg

from app.settings import load_settings
from app.simulator.caller import SimulatedCall
from app.simulator.report import CallReport
from app.simulator.script import HangUp, Moment, Pause, Play, Scene, Step, WaitForTurn
from tests.calls.servers import RunningServer
from tests.faults.balancer import Balancer
from tests.faults.server_process import ServerProcess
from tests.providers.google_speech_server import Speech, SpeechServer
from tests.providers.google_voice_server import GoogleVoiceServer

AUTH_TOKEN = "secret"
ABRUPT_CLOSE = 31903
"""What Twilio warns of when a server has been killed."""

PHRASES = [f"note that item{n}" for n in range(80)]
"""What callers say: the n-th thing in a call is the n-th of these. Each is said once, and becomes a note."""
WORD_MS = 160

SETTLED_MS = 2000
"""From the end of a caller's words to their line in the database: Google's silence, the batch, and a machine
that is busy. What meets a kill before that, or is said while there is no stream, may be lost."""


def plays() -> list[Play]:
    """The phrases as audio that the loopback recogniser understands."""
    speech = Speech()
    found = []
    for phrase in PHRASES:
        begin = len(speech.audio)
        for word in phrase.split():
            speech.word(word, WORD_MS)
        found.append(Play(bytes(speech.audio[begin:]), phrase))
    return found


PLAYS = plays()


def talk_until(over: asyncio.Event, thinks: float = 0.0) -> list[Step]:
    """A caller who has something to say until it is `over`, and `thinks` for so many seconds before."""
    return [WaitForTurn(), TalkUntil(over, thinks), HangUp()]


def script(turns: int) -> list[Step]:
    """Say so many things, hear an answer to each, and hang up."""
    return [WaitForTurn(), *(step for play in PLAYS[:turns] for step in (play, WaitForTurn())), HangUp()]


@dataclass(frozen=True, slots=True)
class TalkUntil:
    """Say one thing after the other, and hear an answer to each, until it is `over`."""

    over: asyncio.Event
    thinks: float = 0.0
    """Seconds from what was heard to what is said next."""

    def perform(self, scene: Scene) -> Iterator[Moment]:
        for play in PLAYS:
            if self.over.is_set():
                return
            yield from play.perform(scene)
            yield from WaitForTurn().perform(scene)
            yield from Pause(self.thinks).perform(scene)


@asynccontextmanager
async def cheap_voice() -> AsyncIterator[dict[str, str]]:
    """Google's voice on loopback; the settings of a server that speaks with it, and hears and thinks itself.
    The local voice takes 20 s of CPU for the phrases that every server makes ahead."""
    async with GoogleVoiceServer() as voice:
        yield {
            "SPEECH_TO_TEXT": "local",
            "TEXT_TO_SPEECH": "google",
            "LANGUAGE_MODEL": "local",
            "GOOGLE_PLAINTEXT": "1",
            "GOOGLE_TTS_ENDPOINT": voice.address,
            "AGENT_GREETING": "Good morning.",
        }


@asynccontextmanager
async def providers() -> AsyncIterator[dict[str, str]]:
    """Google's ears and voice on loopback; the settings with which a server uses them, and its own mind."""
    vocabulary = [word for phrase in PHRASES for word in phrase.split()]
    async with SpeechServer(vocabulary).serving(1000) as ears, cheap_voice() as voice:
        yield voice | {
            "SPEECH_TO_TEXT": "google",
            "GOOGLE_CLOUD_PROJECT_ID": "p",
            "GOOGLE_SPEECH_ENDPOINT": ears.address,
            "MAX_CONNECTIONS_PER_IP": "100000",
        }


class Site:
    """The servers by number, the balancer in front of them, and how they look from outside."""

    def __init__(self, servers: Sequence[ServerProcess], balancer: Balancer, seen: RunningServer) -> None:
        self.servers = servers
        self.balancer = balancer
        self.seen = seen
        self.running: list[asyncio.subprocess.Process | None] = [None] * len(servers)
        self.gently = False
        """Whether servers start so that those with calls have the machine."""
        self.logs: Path | None = None
        """The folder for what the servers log, if that is wanted."""
        self._lives = 0

    async def start(self, number: int, log: IO[bytes] | None = None) -> asyncio.subprocess.Process:
        """Start a server; returns when it is ready. One that runs goes on, and is no more of the site's."""
        self._lives += 1
        with (self.logs / f"{self._lives}.log" if self.logs else Path(os.devnull)).open("wb") as own:
            process = await self.servers[number].start(stderr=log or own, gently=self.gently)
        self.running[number] = process
        return process

    async def kill(self, number: int) -> None:
        process = self.running[number]
        assert process is not None
        process.kill()
        await process.wait()

    async def replace(self, number: int) -> int:
        """Tell a server to stop, and start another one on its port as soon as that is free. Returns how the
        old one has ended, when it has."""
        old = self.running[number]
        assert old is not None
        old.terminate()
        await self.servers[number].deaf()
        await self.start(number)
        return await old.wait()

    def caller(self, steps: Sequence[Step], **options: float) -> SimulatedCall:
        return SimulatedCall(self.seen.url, steps, auth_token=AUTH_TOKEN, **options)  # type: ignore[arg-type]


@asynccontextmanager
async def site(
    database_url: str, state_dir: Path, found: dict[str, str], count: int = 2, **environment: str
) -> AsyncIterator[Site]:
    """A site of `count` servers, of which none is started. `found` are settings for `providers`,
    `environment` further ones."""
    balancer = Balancer([])
    async with balancer.serving():
        url = f"http://127.0.0.1:{balancer.port}"
        settings = found | {"WEBHOOK_URL": url, "TWILIO_AUTH_TOKEN": AUTH_TOKEN} | environment
        servers = [ServerProcess(database_url, state_dir, **settings) for _ in range(count)]
        balancer.ports = [server.port for server in servers]
        public = load_settings(webhook_url=url, twilio_auth_token=AUTH_TOKEN, database_url=database_url)
        made = Site(servers, balancer, RunningServer(public, app=None))  # type: ignore[arg-type]
        try:
            yield made
        finally:
            for process in made.running:
                if process is not None and process.returncode is None:
                    process.kill()
                    await process.wait()


Line = tuple[str, int, str, str]
"""Call SID, number, speaker, text."""


async def final_lines(database_url: str) -> set[Line]:
    """All final lines that are stored now."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT call_sid, seq, speaker, text FROM transcript_lines WHERE is_final"
        )
    finally:
        await connection.close()
    return {(row["call_sid"], row["seq"], row["speaker"], row["text"]) for row in rows}


@dataclass
class Verdict:
    """What is wrong with calls that are over: each a sentence. Twilio may warn of what is `expected`."""

    expected: frozenset[int] = frozenset()
    wrong: list[str] = field(default_factory=list)
    gaps_ms: list[int] = field(default_factory=list)
    """From the end of a stream to the next one's beginning."""
    silences_ms: list[int] = field(default_factory=list)
    """From the end of a stream to the agent's voice on the next one."""

    def check(self, report: CallReport, stored: dict[str, object]) -> None:
        """`stored` is the call as the API tells it, summarised."""
        sid = report.call_sid
        if stored["end_reason"] != "caller_hung_up" or report.ended_by != "caller":
            self.wrong.append(f"{sid} ended with {stored['end_reason']}, by {report.ended_by}")
        unexpected = [one for one in report.violations if one.code not in self.expected]
        self.wrong += [f"{sid}: Twilio would say {one}" for one in unexpected]
        silent_since = None
        for before, after in pairwise(report.streams):
            self.gaps_ms.append(after.opened_ms - before.closed_ms)
            # A server that is told to stop between webhook and stream refuses it: the silence goes on.
            silent_since = before.closed_ms if silent_since is None else silent_since
            if after.audible_ms is not None:
                self.silences_ms.append(after.audible_ms - silent_since)
                silent_since = None
        if silent_since is not None:
            self.wrong.append(f"{sid}: nothing was said after {silent_since} ms")
        transcript = json.loads(json.dumps(stored["transcript"]))
        self._lines(report, transcript)

    def _lines(self, report: CallReport, transcript: list[dict[str, object]]) -> None:
        sid = report.call_sid
        if not all(line["is_final"] for line in transcript):
            self.wrong.append(f"{sid}: a line is not final")
        if len({line["seq"] for line in transcript}) != len(transcript):
            self.wrong.append(f"{sid}: two lines have the same number")
        heard = [str(line["text"]) for line in transcript if line["speaker"] == "user"]
        gaps = [(one.closed_ms, other.opened_ms) for one, other in pairwise(report.streams)]
        for turn in report.turns:
            met = any(
                turn.started_ms <= opened and closed <= turn.ended_ms + SETTLED_MS for closed, opened in gaps
            )
            count = heard.count(turn.text)
            if count > 1 or (count == 0 and not met):
                when = f"{turn.started_ms} to {turn.ended_ms} ms; without a stream: {gaps}; heard: {heard}"
                self.wrong.append(f"{sid}: {turn.text!r} is there {count} times, said from {when}")
        said = [turn.text for turn in report.turns]
        strange = [text for text in heard if text not in said]
        if len(strange) > len(gaps):
            self.wrong.append(f"{sid}: {strange} was never said")
        known = [said.index(text) for text in heard if text in said]
        if known != sorted(known):
            self.wrong.append(f"{sid}: the lines are not in the order in which they were said")
