"""One call's talk: what is heard goes to the turns, what they decide is done."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime

from app import metrics
from app.conversation.latency import Stage, TurnLatency
from app.conversation.line import Line
from app.conversation.reply import Ending, Reply
from app.conversation.transcript import Transcript
from app.conversation.turns import Decision, TurnTaking
from app.services.language_model import HangUp, Item, LanguageModel, ReplyEvent, Say, Talk, Transfer
from app.services.language_model.clauses import split
from app.services.speech_to_text import (
    Final,
    Interim,
    RecognitionEvent,
    RecognitionStream,
    SpeechEnded,
    SpeechStarted,
    SpeechToText,
)
from app.services.text_to_speech import SynthesisError, TextToSpeech

log = logging.getLogger(__name__)

APOLOGY = "I'm sorry, something went wrong on my side. Could you say that again?"

LAST_WORDS_SECONDS = 2.0
"""How long a call that is over waits for what was said last to become final."""


class Conversation:
    """Talks on one line until the assistant ends the call, or `leave` says that the caller is gone."""

    def __init__(
        self,
        line: Line,
        transcript: Transcript,
        ears: SpeechToText,
        voice: TextToSpeech,
        mind: LanguageModel,
        *,
        greeting: str,
        items: Sequence[Item] = (),
        now: Callable[[], datetime],
        on_item: Callable[[Item], None],
    ) -> None:
        """`now` is the caller's wall clock (aware); `on_item` gets each item once it is sure to be kept."""
        self.latencies: list[dict[str, int]] = []
        """One entry a turn: milliseconds from the end of the caller's voice to each stage."""
        self.interruptions = 0
        self._line = line
        self._transcript = transcript
        self._ears = ears
        self._voice = voice
        self._mind = mind
        self._greeting = greeting
        self._items = {item.id: item for item in items}
        self._now = now
        self._on_item = on_item
        self._turns = TurnTaking()
        self._reply = Reply()
        self._speaking: asyncio.Task[None] | None = None
        self._rest: tuple[ReplyEvent, ...] = ()
        """What was cut off by an interruption that may turn out to be none."""
        self._unsaved: list[Item] = []
        self._over: asyncio.Future[Ending | None] = asyncio.get_running_loop().create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._latency: TurnLatency | None = None
        self._spoke_at_ms: int | None = None

    async def run(self) -> Ending | None:
        """Greet, then talk. Returns how the assistant ended the call; None if it was left.

        Every task lives in here: when this returns, raises or is cancelled, nothing of the talk is left.
        """
        try:
            async with self._ears.stream(self._line.call_sid) as stream, asyncio.TaskGroup() as self._tasks:
                self._line.listen(stream.push, self._heard)
                listening = self._tasks.create_task(self._listen(stream))
                self._turns.reply_started()
                self._start_reply(_saying(Say(self._greeting)))
                ending = await self._over
                self._hush()
                stream.finish()
                await asyncio.wait([listening], timeout=LAST_WORDS_SECONDS)
                listening.cancel()
                return ending
        finally:
            self._hush()
            if line := self._transcript.open_line("user"):
                self._write_caller(line.text, line.started_ms, line.ended_ms, is_final=True)
            # A caller who hangs up during the read-back wants the note kept all the same.
            self._close_line(interrupted=True)
            self._save_items()

    def leave(self) -> None:
        """The caller is gone: say no more, hear what was said last to its end, and return."""
        if not self._over.done():
            self._over.set_result(None)

    def _hush(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._speaking:
            self._speaking.cancel()

    async def _listen(self, stream: RecognitionStream) -> None:
        async for event in stream:
            self._take(event)
        if not self._over.done():
            raise RuntimeError("the recogniser has given up on this call")

    def _take(self, event: RecognitionEvent) -> None:
        now = time.monotonic()
        match event:
            case SpeechStarted():
                self._do(self._turns.speech_started())
            case SpeechEnded():
                self._do(self._turns.speech_ended(now))
            case Interim():
                self._do(self._turns.interim(now))
                self._write_caller(event.text, event.started_ms, self._line.now_ms(), is_final=False)
            case Final(text=""):
                # A cough. Whoever watches has perhaps seen words in it.
                self._transcript.drop("user")
                self._do(self._turns.no_words())
            case Final():
                # The assistant's line ends before the caller's is written.
                self._do(self._turns.interim(now))
                self._write_caller(
                    event.text, event.started_ms, event.ended_ms, is_final=True, confidence=event.confidence
                )
                self._latency = TurnLatency(event.ended_ms)
                self._reach("final")
                self._do(self._turns.final())

    def _write_caller(
        self, text: str, started_ms: int, ended_ms: int, *, is_final: bool, confidence: float | None = None
    ) -> None:
        self._transcript.write(
            "user", text, is_final=is_final, started_ms=started_ms, ended_ms=ended_ms, confidence=confidence
        )

    def _do(self, decisions: list[Decision]) -> None:
        if self._over.done():
            return
        for decision in decisions:
            match decision:
                case Decision.INTERRUPT:
                    self._interrupt()
                case Decision.RESPOND:
                    self._start_reply(self._mind.reply(self._talk()))
                case Decision.RESUME:
                    self._start_reply(_saying(*self._rest))
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if (deadline := self._turns.deadline) is not None:
            delay = max(0.0, deadline - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._do(self._turns.tick(time.monotonic()))

    def _talk(self) -> Talk:
        return Talk(self._transcript.messages(), tuple(self._items.values()), self._now())

    def _interrupt(self) -> None:
        """Stop: clear sent, queue dropped, generation cancelled, epoch raised, in one synchronous step."""
        heard = self._line.heard()
        self._rest = _rest(self._line.unheard(), self._reply)
        self._close_line(interrupted=True)
        self._line.clear()
        if self._speaking:
            self._speaking.cancel()
        if heard:
            self.interruptions += 1
            metrics.INTERRUPTIONS.inc()
            self._save_items()
        else:
            # Nothing of it was heard, so nothing of it happened.
            self._unsaved.clear()
        self._turns.interrupted(anything_heard=bool(heard))

    def _start_reply(self, events: AsyncGenerator[ReplyEvent, None]) -> None:
        self._reply = Reply()
        self._speaking = self._tasks.create_task(self._speak(self._reply, events, self._line.epoch))

    async def _speak(self, reply: Reply, events: AsyncGenerator[ReplyEvent, None], epoch: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._generate(reply, events))
            while (clause := await reply.next_clause()) is not None:
                await self._speak_clause(clause, epoch)
        await self._line.heard_out()
        self._close_line(interrupted=False)
        self._save_items()
        self._turns.reply_ended()
        if reply.ending and not self._over.done():
            self._over.set_result(reply.ending)

    async def _generate(self, reply: Reply, events: AsyncGenerator[ReplyEvent, None]) -> None:
        try:
            await reply.fill(events, lambda: self._reach("first_token"), self._unsaved.append)
        except Exception:
            log.exception("call %s: the reply failed", self._line.call_sid)
            reply.add(split(APOLOGY))
            reply.close()

    async def _speak_clause(self, clause: str, epoch: int) -> None:
        self._line.begin_clause(clause, epoch)
        try:
            async with aclosing(self._voice.synthesize(clause)) as audio:
                async for chunk in audio:
                    if self._spoke_at_ms is None:
                        self._spoke_at_ms = self._line.now_ms()
                    self._line.play(chunk, epoch)
                    self._reach("first_audio")
        except SynthesisError as error:
            log.warning("call %s: a clause could not be spoken: %s", self._line.call_sid, error)
        self._line.end_clause(epoch)

    def _reach(self, stage: Stage) -> None:
        if self._latency:
            self._latency.reach(stage, self._line.now_ms())

    def _heard(self) -> None:
        """More was heard: the line grows, and what was promised in it counts."""
        if self._latency:
            self._reach("first_mark")
            self.latencies.append(self._latency.stages)
            self._latency = None
        line = self._transcript.open_line("assistant")
        heard = self._line.heard()
        if heard and (line is None or line.text != heard):
            self._write_assistant(heard, is_final=False)
            self._save_items()

    def _close_line(self, *, interrupted: bool) -> None:
        """Write down as final what was heard, exactly that."""
        line = self._transcript.open_line("assistant")
        heard = self._line.heard() or (line.text if line else "")
        if heard:
            cut = interrupted and bool(_rest(self._line.unheard(), self._reply) or not self._reply.complete)
            self._write_assistant(heard, is_final=True, interrupted=cut)
        self._line.settle()
        self._spoke_at_ms = None

    def _write_assistant(self, text: str, *, is_final: bool, interrupted: bool = False) -> None:
        now = self._line.now_ms()
        self._transcript.write(
            "assistant",
            text,
            is_final=is_final,
            started_ms=now if self._spoke_at_ms is None else self._spoke_at_ms,
            ended_ms=now,
            interrupted=interrupted,
        )

    def _save_items(self) -> None:
        for item in self._unsaved:
            self._items[item.id] = item
            self._on_item(item)
        self._unsaved.clear()


def _rest(unheard: str, reply: Reply) -> tuple[ReplyEvent, ...]:
    """What a cut reply still had to say, and how it would have ended the call."""
    said = tuple(Say(f"{text} ") for text in (unheard, *reply.unspoken) if text)
    match reply.ending:
        case "agent_hung_up":
            return (*said, HangUp())
        case "transferred":
            return (*said, Transfer())
    return said


async def _saying(*events: ReplyEvent) -> AsyncGenerator[ReplyEvent, None]:
    for event in events:
        yield event
