"""A recogniser, a voice and a mind whose every move a test decides, and a line with a phone that plays.

They implement the interfaces of `app.services` as any engine does; nothing of the conversation is replaced.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.conversation.conversation import TIMING, Conversation
from app.conversation.decisions import Timing
from app.conversation.opening import Opening
from app.conversation.speaking import VOICELESS
from app.media_stream.connection import MediaStreamConnection
from app.media_stream.line import TwilioLine
from app.media_stream.protocol import MediaStreamProtocol
from app.services.language_model import Item, ReplyEvent, Talk
from app.services.listening import Listening
from app.services.speech_to_text import RecognitionEvent
from app.services.text_to_speech import SynthesisError
from app.simulator import audio

MS_PER_CHARACTER = 20

VOICE = audio.load(Path(__file__).parents[1] / "speech" / "jfk.wav")[2400:6400]
"""Half a second of a person's speech."""


class ScriptedEars:
    """Hears what the test says it hears."""

    name = "scripted"
    ready = True

    def __init__(self) -> None:
        self.pushed: list[bytes] = []
        self.open_streams = 0
        self.when_finished: list[RecognitionEvent] = []
        """What becomes final once no more audio comes."""
        self.stubborn = False
        """Whether it never comes to an end."""
        self._events: asyncio.Queue[RecognitionEvent | None] = asyncio.Queue()

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    def hear(self, *events: RecognitionEvent) -> None:
        for event in events:
            self._events.put_nowait(event)

    @asynccontextmanager
    async def stream(self, call_sid: str) -> AsyncIterator[ScriptedEars]:
        self.open_streams += 1
        try:
            yield self
        finally:
            self.open_streams -= 1

    def push(self, audio: bytes) -> None:
        self.pushed.append(audio)

    def finish(self) -> None:
        self.hear(*self.when_finished)
        if not self.stubborn:
            self._events.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[RecognitionEvent]:
        while (event := await self._events.get()) is not None:
            yield event


class ToneVoice:
    """Speaks at 50 characters a second; holds its breath while `breath` is cleared."""

    name = "tone"
    ready = True

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.breath = asyncio.Event()
        self.breath.set()
        self.lost = False
        """Whether it can only say what was made ahead."""
        self.stuck_at = ""
        """A clause that waits for `unstuck`, when it is asked for first."""
        self.unstuck = asyncio.Event()
        self.breaks_off_at = ""
        """A clause of which half comes."""

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    async def synthesize(self, text: str) -> AsyncGenerator[bytes, None]:
        if self.lost and text not in VOICELESS:
            raise SynthesisError("lost")
        self.spoken.append(text)
        await self.breath.wait()
        if text == self.stuck_at:
            self.stuck_at = ""
            await self.unstuck.wait()
        audio = b"\x10" * (len(text) * MS_PER_CHARACTER * 8)
        if text == self.breaks_off_at:
            yield audio[: len(audio) // 2]
            raise SynthesisError("broken off")
        yield audio


Reply = Sequence[ReplyEvent | None]


class ScriptedMind:
    """Gives the replies that the test lays out, one a turn, and remembers what it was asked. Where a reply
    has None it does not go on."""

    name = "scripted"

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[Talk] = []

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...

    def warm(self) -> None: ...

    async def reply(self, talk: Talk) -> AsyncGenerator[ReplyEvent, None]:
        self.asked.append(talk)
        for event in self.replies.pop(0):
            if event is None:
                await asyncio.Event().wait()
            else:
                yield event


@dataclass
class ScriptedJudge:
    """Judges every voice alike."""

    listens: float
    judged: int = 0

    async def only_listens(self, _audio: bytes, _voice_seconds: float) -> float:
        self.judged += 1
        return self.listens


@dataclass
class Call:
    """A conversation that runs, and the far end of its line."""

    ears: ScriptedEars
    voice: ToneVoice
    mind: ScriptedMind
    line: TwilioLine
    connection: MediaStreamConnection
    conversation: Conversation
    task: asyncio.Task[str | None]
    sent: asyncio.Queue[dict[str, object]]
    """What went to Twilio."""
    marks: list[dict[str, object]]
    """Those that have not come back."""
    saved: list[Item]

    async def until(self, event: str) -> dict[str, object]:
        """The next message of this kind that goes to Twilio."""
        async with asyncio.timeout(5):
            while (message := await self.sent.get())["event"] != event:
                pass
        return message

    async def until_clause(self, text: str) -> None:
        """Wait until a clause has been sent whole."""
        async with asyncio.timeout(5):
            while text not in self.voice.spoken:
                await asyncio.sleep(0)
        await self.until("mark")

    def pass_time(self, seconds: float) -> None:
        """So much silence arrives at once: what the recogniser tells lies so far in the past."""
        self.audio(b"\xff" * round(seconds * 8000))

    def speak_up(self) -> None:
        """The caller's voice is heard on the line, half a second of it."""
        # What the line sounds like without it.
        self.pass_time(0.7)
        self.audio(VOICE)

    def audio(self, audio: bytes) -> None:
        for at in range(0, len(audio), 4000):
            payload = base64.b64encode(audio[at : at + 4000]).decode()
            self.line.receive(json.dumps({"event": "media", "media": {"payload": payload}}))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.line.receive(json.dumps({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": key}}))

    def play_marks(self) -> None:
        """Twilio has played everything: all marks come back."""
        for mark in self.marks:
            self.line.receive(json.dumps(mark))
        self.marks.clear()

    def lines(self) -> list[tuple[str, str, bool]]:
        return [(line.speaker, line.text, line.interrupted) for line in self.connection.transcript.lines]


@asynccontextmanager
async def a_call(
    *replies: Reply,
    greeting: str = "Hello.",
    opening: Opening | None = None,
    timing: Timing = TIMING,
    listening: Listening | None = None,
) -> AsyncIterator[Call]:
    """A call whose greeting is being spoken."""
    protocol = MediaStreamProtocol()
    protocol.receive('{"event":"start","streamSid":"MZ1","start":{"callSid":"CA1"}}')
    connection = MediaStreamConnection("CA1")
    line = TwilioLine(connection, protocol)
    ears, voice, mind = ScriptedEars(), ToneVoice(), ScriptedMind(*replies)
    saved: list[Item] = []
    conversation = Conversation(
        line,
        connection.transcript,
        ears,
        voice,
        mind,
        opening=opening or Opening(greeting),
        can_transfer=True,
        listening=listening,
        timing=timing,
        now=lambda: datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
        on_item=saved.append,
    )
    sent: asyncio.Queue[dict[str, object]] = asyncio.Queue()

    marks: list[dict[str, object]] = []

    async def send(message: str) -> None:
        sent.put_nowait(decoded := json.loads(message))
        if decoded["event"] == "mark":
            marks.append(decoded)

    writer = asyncio.create_task(line.send_all(send))
    task = asyncio.create_task(conversation.run())
    try:
        yield Call(ears, voice, mind, line, connection, conversation, task, sent, marks, saved)
    finally:
        task.cancel()
        writer.cancel()
        await asyncio.wait([task, writer])
