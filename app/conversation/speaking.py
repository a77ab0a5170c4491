"""What the assistant says: one reply at a time, from the model through the voice to the line."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from itertools import cycle
from typing import Protocol

from app import metrics
from app.conversation.latency import Stage, observe
from app.conversation.line import Line
from app.conversation.reply import Ending, Reply, in_turn, saying
from app.conversation.transcript import Transcript
from app.services.language_model import Item, ReplyEvent, Say
from app.services.language_model.clauses import split
from app.services.text_to_speech import SynthesisError, TextToSpeech

log = logging.getLogger(__name__)

APOLOGY = "I'm sorry, something went wrong on my side. Could you say that again?"
VOICELESS = ("I'm sorry, I have lost my voice for a moment.", "Please ask me again.")
"""Where no voice can speak an answer: clauses, made ahead."""
FILLERS = ("One moment, please.", "Just a second.")
"""In turns, so that it does not sound like a machine."""


class Listener(Protocol):
    """Who is told how far the assistant has come."""

    def on_begun(self) -> None:
        """A reply begins to be heard; fillers do not count."""

    def on_sent(self, audio: bytes, seconds: float, *, filler: bool) -> None:
        """Audio was sent, and begins to be heard in `seconds`."""

    def on_heard_out(self, asked: str, ending: Ending | None) -> None:
        """A reply has been heard to its end; `asked` is what it said last."""


class Speaking:
    """Speaks replies, and writes down what was heard of them, exactly that."""

    def __init__(
        self,
        line: Line,
        transcript: Transcript,
        voice: TextToSpeech,
        *,
        listener: Listener,
        on_item: Callable[[Item], None],
    ) -> None:
        """`on_item` gets each item once it is sure to be kept."""
        self.latencies: list[dict[str, int]] = []
        """One entry an answer: milliseconds from the end of the caller's voice to each stage."""
        self.interruptions = 0
        self._line = line
        self._transcript = transcript
        self._voice = voice
        self._listener = listener
        self._on_item = on_item
        self._fillers = cycle(FILLERS)
        self._reply = Reply()
        self._task: asyncio.Task[None] | None = None
        self._filling: asyncio.Task[None] | None = None
        self._rest: tuple[ReplyEvent, ...] = ()
        """What the last interruption has cut off; it may turn out to be none."""
        self._unfinished = False
        """Whether the model had more to say than that."""
        self._cut = ""
        """What was heard of the line before that. The line is open until it is known how it goes on."""
        self._filler = ""
        """What was said in this line while its answer was waited for."""
        self._spoke_at_ms: int | None = None

    @property
    def reply(self) -> Reply:
        """The last one."""
        return self._reply

    def begin(self, reply: Reply, events: AsyncGenerator[ReplyEvent, None], tasks: asyncio.TaskGroup) -> None:
        """Make a reply. It is heard as soon as it is allowed; one that was being made is thrown away, and
        one that was cut stays cut."""
        self._stay_cut()
        reply.cut = self._rest
        self._start(reply, events, tasks)

    def resume(
        self, tasks: asyncio.TaskGroup, more: Callable[[str], AsyncGenerator[ReplyEvent, None]]
    ) -> None:
        """It was no interruption: say the rest, in the same line of the transcript. `more` is what the model
        has to say after a text; it is asked where it was cut short."""
        reply = Reply()
        reply.allow()
        metrics.FALSE_ALARMS.inc()
        events = saying(*self._rest)
        if self._unfinished:
            rest = "".join(event.text for event in self._rest if isinstance(event, Say))
            events = in_turn(events, more(f"{self._cut} {rest}".strip()))
        self._start(reply, events, tasks)

    def _start(
        self, reply: Reply, events: AsyncGenerator[ReplyEvent, None], tasks: asyncio.TaskGroup
    ) -> None:
        self.stop()
        self._reply = reply
        self._task = tasks.create_task(self._speak(reply, events, self._line.epoch))

    def stop(self) -> None:
        """Make no more of the reply."""
        for task in (self._task, self._filling):
            if task:
                task.cancel()
        self._task = self._filling = None

    def withdraw(self) -> None:
        """Throw away a reply of which nothing has been sent."""
        self.stop()
        self._reply = Reply()

    def interrupt(self) -> bool:
        """Stop: clear sent, queue dropped, generation cancelled, epoch raised, in one synchronous step.

        Returns whether anything of the reply was heard. If not, nothing of it happened.
        """
        reply, heard, happened = self._reply, self._line.heard(), self._is_heard
        self._rest = reply.rest(self._line.unheard())
        self._unfinished = not (reply.complete or reply.ending)
        if heard and (self._rest or not reply.complete):
            self._cut = self._heard_of_line()
            self._write(self._cut, is_final=False, interrupted=True)
        elif heard:
            self._count()
            self._close_line(interrupted=False)
        self._measure()
        self._line.clear()
        self._filler = ""
        self.withdraw()
        if happened:
            self._save_items(reply)
        return happened

    @property
    def _is_heard(self) -> bool:
        """Whether anything of the reply itself has been heard, and not only of a filler before it."""
        return self._reply.begun and not self._filler.startswith(self._line.heard())

    def fill(self, tasks: asyncio.TaskGroup) -> None:
        """Say that the answer takes long, unless it comes first."""
        self._filling = tasks.create_task(self._fill())

    async def _fill(self) -> None:
        reply, epoch, text = self._reply, self._line.epoch, next(self._fillers)
        try:
            async with aclosing(self._voice.synthesize(text)) as pieces:
                audio = b"".join([piece async for piece in pieces])
        except SynthesisError as error:
            log.warning("call %s: a filler could not be spoken: %s", self._line.call_sid, error)
            return
        waited_for = reply is self._reply and reply.is_allowed and not reply.in_clause and not reply.is_sent
        if waited_for and self._line.remaining_seconds() == 0:
            self._line.begin_clause(text, epoch)
            self._play(audio, epoch, filler=True)
            self._line.end_clause(epoch)
            self._filler = text

    def reach(self, stage: Stage) -> None:
        """A moment in the making of the present reply."""
        self._reply.latency.reach(stage, self._line.now_ms())

    def on_heard(self) -> None:
        """More was heard: the line grows, and what was promised in it counts."""
        if self._reply.begun:
            self.reach("first_mark")
        line = self._transcript.open_line("assistant")
        if self._line.heard() and (line is None or line.text != self._heard_of_line()):
            self._write(self._heard_of_line(), is_final=False)
            if self._is_heard:
                self._save_items(self._reply)

    def finish(self) -> None:
        """The talk is over."""
        reply = self._reply
        if self._line.heard():
            self._close_line(interrupted=bool(reply.rest(self._line.unheard()) or not reply.complete))
        self._measure()
        self._stay_cut()
        # A caller who hangs up during the read-back wants the note kept all the same.
        self._save_items(reply)
        self.withdraw()

    async def _speak(self, reply: Reply, events: AsyncGenerator[ReplyEvent, None], epoch: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._generate(reply, events))
            while (clause := await reply.next_clause()) is not None:
                await self._speak_clause(reply, clause, epoch)
        await reply.allowed()
        await self._line.heard_out()
        asked = self._close_line(interrupted=False)
        self._measure()
        self._save_items(reply)
        self._reply, self._rest = Reply(), ()
        self._listener.on_heard_out(asked, reply.ending)

    async def _generate(self, reply: Reply, events: AsyncGenerator[ReplyEvent, None]) -> None:
        try:
            await reply.fill(events, lambda: self._reach(reply, "first_token"))
        except Exception:
            log.exception("call %s: the reply failed", self._line.call_sid)
            reply.add(split(APOLOGY))
            reply.close()

    async def _speak_clause(self, reply: Reply, clause: str, epoch: int) -> None:
        whole = True
        try:
            async with aclosing(self._voice.synthesize(clause)) as audio:
                async for chunk in audio:
                    self._reach(reply, "first_audio")
                    await reply.allowed()
                    if not reply.in_clause:
                        reply.take_clause()
                        self._line.begin_clause(clause, epoch)
                        if not reply.begun:
                            self._listener.on_begun()
                        reply.begun = reply.in_clause = True
                    self._play(chunk, epoch, filler=False)
                    self._reach(reply, "first_frame")
        except SynthesisError as error:
            log.warning("call %s: a clause could not be spoken: %s", self._line.call_sid, error)
            whole = False
            if clause not in VOICELESS and not reply.in_clause:
                # Made ahead: it needs no voice. What else there was to say would fail as well. Nobody is
                # asked to say it again where the call is to end, and no machine.
                reply.only(() if reply.ending else VOICELESS)
                return
        if reply.in_clause:
            reply.in_clause = False
            self._line.end_clause(epoch, whole=whole)
        else:
            reply.take_clause()

    def _play(self, audio: bytes, epoch: int, *, filler: bool) -> None:
        if self._spoke_at_ms is None:
            self._spoke_at_ms = self._line.now_ms()
        begins_in = self._line.remaining_seconds()
        self._line.play(audio, epoch)
        self.reach("voice_to_voice")
        self._listener.on_sent(audio, begins_in, filler=filler)

    def _reach(self, reply: Reply, stage: Stage) -> None:
        reply.latency.reach(stage, self._line.now_ms())

    def _close_line(self, *, interrupted: bool) -> str:
        """Write down as final what was heard, exactly that. Returns it."""
        line = self._transcript.open_line("assistant")
        heard = self._heard_of_line() or (line.text if line else "")
        if heard:
            self._write(heard, is_final=True, interrupted=interrupted)
        self._cut = self._filler = ""
        self._line.settle()
        return heard

    def _heard_of_line(self) -> str:
        """Before it was cut, and since it goes on."""
        return " ".join(filter(None, (self._cut, self._line.heard())))

    def _stay_cut(self) -> None:
        """It was an interruption: the line ends where it was cut."""
        line = self._transcript.open_line("assistant")
        if line and self._cut:
            self._count()
            self._transcript.write(
                "assistant",
                self._cut,
                is_final=True,
                started_ms=line.started_ms,
                ended_ms=line.ended_ms,
                interrupted=True,
            )
        self._cut = ""

    def _count(self) -> None:
        self.interruptions += 1
        metrics.INTERRUPTIONS.inc()

    def _measure(self) -> None:
        """The answer has had its say."""
        reply = self._reply
        if reply.is_answer and reply.begun:
            self.latencies.append(took := reply.latency.since(reply.voice_ended_ms))
            observe(took)
        self._spoke_at_ms = None

    def _write(self, text: str, *, is_final: bool, interrupted: bool = False) -> None:
        now = self._line.now_ms()
        self._transcript.write(
            "assistant",
            text,
            is_final=is_final,
            started_ms=now if self._spoke_at_ms is None else self._spoke_at_ms,
            ended_ms=now,
            interrupted=interrupted,
        )

    def _save_items(self, reply: Reply) -> None:
        for item in reply.items:
            self._on_item(item)
        reply.items.clear()
