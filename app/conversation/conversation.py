"""One call's talk: what is heard goes to the turns, what they decide is done."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from app import metrics
from app.conversation.decisions import Decision, Timing
from app.conversation.floor import Floor, Look
from app.conversation.hearing import Hearing
from app.conversation.inbound import BYTES_PER_SECOND, Inbound
from app.conversation.keys import OPERATOR, Keys, as_words
from app.conversation.line import Line
from app.conversation.opening import Opening
from app.conversation.phrases import CONNECTING, DEAFENED, NOBODY, PROMPTS
from app.conversation.reply import Ending, Reply, saying
from app.conversation.speaking import Speaking
from app.conversation.thinking import Thinking
from app.conversation.transcript import Transcript
from app.conversation.turns import TurnTaking
from app.conversation.voice_detector import VoiceStarted
from app.conversation.voice_thresholds import JUDGED, NUMBERS
from app.services.language_model import HangUp, Item, LanguageModel, ReplyEvent, Say, Transfer
from app.services.listening import Listening
from app.services.speech_to_text import (
    Deafened,
    Final,
    Interim,
    RecognitionEvent,
    RecognitionStream,
    SpeechEnded,
    SpeechStarted,
    SpeechToText,
)
from app.services.text_to_speech import TextToSpeech

log = logging.getLogger(__name__)

LAST_WORDS_SECONDS = 2.0
"""How long a call that is over waits for what was said last to become final."""
VERDICT_SECONDS = 15.0
"""And for the verdict on whom it was with: announcements last that long."""
LINE_SECONDS = 2.0
"""A line without audio for so long is not silent but idle (wscat), and IDLE_SECONDS watches that."""

NEVER = float("inf")
TIMING = Timing()


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
        opening: Opening,
        items: Sequence[Item] = (),
        now: Callable[[], datetime],
        on_item: Callable[[Item], None],
        can_transfer: bool = False,
        listening: Listening | None = None,
        timing: Timing = TIMING,
    ) -> None:
        """`now` is the caller's wall clock (aware); `on_item` gets each item once it is sure to be kept.
        `can_transfer`: there is somebody to connect the caller to, and the key 0 asks for it.
        `listening` tells a "yeah" from an interruption; without it, each stops the assistant until its words
        are known."""
        self._line = line
        self._ears = ears
        self._thinking = Thinking(mind, transcript, items, now)
        self._opening = opening
        self._on_item = on_item
        self._turns = TurnTaking(timing)
        self._keys = Keys(operator=can_transfer)
        self._inbound = Inbound(JUDGED if listening else NUMBERS)
        self._listening = listening
        self._floor = Floor(self._turns, judged=listening is not None)
        self._hearing = Hearing(line, transcript)
        self._speaking = Speaking(line, transcript, voice, listener=self, on_item=self._keep)
        self._over: asyncio.Future[Ending | None] = asyncio.get_running_loop().create_future()
        self._between_turns = asyncio.Event()
        self._taken_back = False
        """Whether words were being answered, and are not any more."""
        self._deaf = False
        """Whether it was told that nobody hears the caller."""
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None
        """Waits for the verdict on who has said goodbye."""
        self._unsure: list[Item] = []
        """To be kept unless a machine turns out to have said it."""

    @property
    def latencies(self) -> list[dict[str, int]]:
        """One entry an answer: milliseconds from the end of the caller's voice to each stage."""
        return self._speaking.latencies

    @property
    def interruptions(self) -> int:
        """How often the caller has stopped the assistant."""
        return self._speaking.interruptions

    async def run(self) -> Ending | None:
        """Greet, then talk. Returns how the assistant ended the call; None if it was left.

        Every task lives in here: when this returns, raises or is cancelled, nothing of the talk is left.
        """
        try:
            async with self._ears.stream(self._line.call_sid) as stream, asyncio.TaskGroup() as self._tasks:
                self._stream = stream
                self._line.listen(self._hear, self._speaking.on_heard, self._press)
                listening = self._tasks.create_task(self._listen(stream))
                opening = self._tasks.create_task(self._open())
                ending = await self._over
                opening.cancel()
                self._hush()
                stream.push(self._inbound.rest())
                stream.finish()
                await asyncio.wait([listening], timeout=LAST_WORDS_SECONDS)
                listening.cancel()
                return ending
        finally:
            self._hush()
            if entry := self._keys.finish():
                self._hearing.keyed(as_words(entry))
            self._hearing.finish()
            self._speaking.finish()
            self._keep_unsure()

    def leave(self) -> None:
        """The caller is gone: say no more, hear what was said last to its end, and return."""
        self._finish(None)

    async def between_turns(self) -> None:
        """Wait until nobody says anything, nor is about to: where a call can change hands unheard."""
        await self._between_turns.wait()

    def _hush(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._ending:
            self._ending.cancel()
        self._speaking.stop()

    async def _open(self) -> None:
        """Say the first words, and nothing else where a machine has picked up."""
        # Nothing is owed to a caller before it is known who that is.
        self._say(*[event async for event in self._opening.begin()])
        answered_by = await self._opening.mistaken()
        self._keep_unsure()
        if answered_by:
            self._speaking.interrupt()
            self._say(*[event async for event in self._opening.leave_message(answered_by)])

    # What comes in

    def _hear(self, audio: bytes) -> None:
        now = time.monotonic()
        self._floor.hear(audio)
        heard, events = self._inbound.hear(audio, now)
        self._stream.push(heard)
        if self._inbound.voices.stirs:
            self._turns.stirs(now)
        for event in events:
            if not self._attends:
                return
            if isinstance(event, VoiceStarted):
                self._hearing.voice(self._line.now_ms() - round((now - event.at) * 1000))
            self._do(self._floor.noticed(event, now))
        if self._listening and self._attends and (look := self._floor.look(now)):
            self._tasks.create_task(self._judge(self._listening, look))

    async def _judge(self, listening: Listening, look: Look) -> None:
        listens = await listening.only_listens(look.audio, look.voice_seconds)
        if self._attends:
            self._do(self._floor.answered(look, listens, time.monotonic()))

    async def _listen(self, stream: RecognitionStream) -> None:
        async for event in stream:
            self._take(event)
        if not self._over.done():
            raise RuntimeError("the recogniser has given up on this call")

    def _take(self, event: RecognitionEvent) -> None:
        hearing, inbound, now = self._hearing, self._inbound, time.monotonic()
        others = inbound.voices.others
        self._deaf = isinstance(event, Deafened)
        words = (isinstance(event, Interim) and hearing.interim(event, others=others)) or (
            isinstance(event, Final) and hearing.final(event, others=others)
        )
        if not self._attends:
            return
        match event:
            case SpeechStarted(at_ms, words_follow):
                at = inbound.at(at_ms)
                self._do(self._turns.voice_started(now, at, certain=False, words_follow=words_follow))
            case SpeechEnded(at_ms, words_follow):
                self._do(self._turns.voice_ended(now, inbound.at(at_ms), words_follow=words_follow))
            case Interim(_, started_ms) if words:
                since = inbound.at(started_ms)
                self._do(self._turns.words(hearing.words, now, settled=event.stable, since=since))
            case Final(_, started_ms):
                self._do(self._turns.words(hearing.words, now, settled=True))
                if words:
                    self._speaking.reach("final")
                    if not hearing.has_noticed(started_ms):
                        inbound.voices.missed()
                else:
                    self._do(self._turns.no_words(now))
            case Deafened() if self._line.remaining_seconds() == 0:
                self._say(Say(DEAFENED))

    def _press(self, key: str) -> None:
        if not self._attends:
            return
        now = time.monotonic()
        entry = self._keys.press(key, now)
        self._turns.keyed(now, more=self._keys.deadline is not None)
        if entry == OPERATOR:
            self._say(Say(CONNECTING), Transfer())
            # Being connected is the answer to all that was said before.
            self._taken_back = False
            self.on_begun()
        else:
            self._enter(entry)
        self._set_timer()

    def _enter(self, entry: str | None) -> None:
        if entry is None:
            return
        self._hearing.keyed(as_words(entry))
        if self._attends:
            words = self._hearing.words
            self._do(self._turns.words(words, time.monotonic(), settled=True, complete=True))

    @property
    def _attends(self) -> bool:
        """Whether what is heard is taken for somebody's turn."""
        return not (self._over.done() or self._opening.held)

    # What is done

    def _do(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            self._act(decision)
        if self._taken_back:
            # Only now: what else was decided was decided without these words.
            self._taken_back = False
            if words := self._hearing.words:
                self._do(self._turns.words(words, time.monotonic(), settled=True))
        self._set_timer()

    def _act(self, decision: Decision) -> None:
        speaking = self._speaking
        match decision:
            case Decision.PREPARE:
                self._answer()
            case Decision.SPEAK:
                speaking.reach("decision")
                speaking.reply.allow()
            case Decision.HOLD:
                speaking.reply.hold()
            case Decision.WITHDRAW:
                speaking.withdraw()
            case Decision.INTERRUPT:
                self._interrupt()
            case Decision.DISREGARD:
                self._hearing.answer()
            case Decision.RESUME:
                speaking.resume(self._tasks, self._thinking.more)
            case Decision.FILL if speaking.reply.is_answer and not speaking.reply.is_sent:
                speaking.fill(self._tasks)
            case Decision.SILENCE if not speaking.reply.is_sent:
                metrics.SILENCES.inc()
            case Decision.PROMPT | Decision.END if self._deaf:
                self._ask(Say(DEAFENED))
            case Decision.PROMPT:
                self._ask(Say(PROMPTS[min(self._turns.prompts, len(PROMPTS)) - 1]))
            case Decision.END:
                self._ask(Say(NOBODY), HangUp())
            case Decision.FILL | Decision.SILENCE | Decision.NOISE:
                pass

    def _answer(self) -> None:
        """Have the words so far answered; not to be heard yet."""
        silent_ms = self._line.now_ms() - round((time.monotonic() - self._turns.silent_from) * 1000)
        reply = Reply(is_answer=True, voice_ended_ms=silent_ms)
        self._speaking.begin(reply, self._thinking.answer(self._hearing.words), self._tasks)

    def _interrupt(self) -> None:
        asked, reply = self._line.heard(), self._speaking.reply
        if reply.ending:
            self._turns.cut_the_end()
        anything_heard = self._speaking.interrupt()
        self._inbound.voices.cleared(time.monotonic())
        self._hearing.hushed(self._line.now_ms())
        if anything_heard:
            self._turns.asked(asked)
            self._hearing.heard()
        else:
            if reply.begun:
                self._hearing.take_back()
            self._taken_back = True

    def _say(self, *events: ReplyEvent) -> None:
        """Take the turn, whoever has it."""
        if self._speaking.reply.begun:
            self._interrupt()
        self._turns.speaks(time.monotonic())
        self._begin(*events)

    def _ask(self, *events: ReplyEvent) -> None:
        if time.monotonic() - self._inbound.heard_at < LINE_SECONDS:
            self._begin(*events)
        else:
            self._turns.unsaid(time.monotonic())

    def _begin(self, *events: ReplyEvent) -> None:
        reply = Reply()
        reply.allow()
        self._speaking.begin(reply, saying(*events), self._tasks)
        self._set_timer()

    def on_begun(self) -> None:
        """What the assistant says answers all words so far."""
        self._hearing.answer()
        self._turns.begun()

    def on_sent(self, audio: bytes, seconds: float, *, filler: bool) -> None:
        """Part of what the assistant says is on its way, and begins to be heard in `seconds`."""
        now = time.monotonic()
        self._inbound.voices.sent(audio, now + seconds)
        lasts = seconds + len(audio) / BYTES_PER_SECOND
        self._turns.audible(now + lasts, filler=filler)
        now_ms = self._line.now_ms()
        self._hearing.spoke(now_ms + round(seconds * 1000), now_ms + round(lasts * 1000))
        self._set_timer()

    def on_heard_out(self, asked: str, ending: Ending | None) -> None:
        """All that the assistant had to say has been heard."""
        if ending == "agent_hung_up" and self._opening.undecided:
            self._ending = self._ending or self._tasks.create_task(self._end_once_known(ending))
            return
        if ending:
            self._finish(ending)
            return
        self._hearing.heard()
        if asked:
            self._turns.asked(asked)
        self._do(self._turns.heard_out(time.monotonic()))

    async def _end_once_known(self, ending: Ending) -> None:
        """An announcement may have said goodbye; then the message is still to be left."""
        if not await self._opening.turns_out(VERDICT_SECONDS):
            self._finish(ending)

    def _finish(self, ending: Ending | None) -> None:
        if not self._over.done():
            self._over.set_result(ending)
        self._between_turns.set()

    def _set_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._turns.idle or self._over.done():
            self._between_turns.set()
        else:
            self._between_turns.clear()
        if not self._over.done():
            deadline = min(self._turns.deadline or NEVER, self._keys.deadline or NEVER)
            if deadline < NEVER:
                delay = max(0.0, deadline - time.monotonic())
                self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        if entry := self._keys.tick(now):
            self._turns.keyed(now, more=False)
            self._enter(entry)
        if self._attends:
            self._do(self._turns.tick(now))

    def _keep(self, item: Item) -> None:
        self._thinking.keep(item)
        self._unsure.append(item)
        if not self._opening.may_be_machine:
            self._keep_unsure()

    def _keep_unsure(self) -> None:
        """What a person has said counts; "after the tone", noted from an announcement, does not."""
        items, self._unsure = self._unsure, []
        if not self._opening.may_be_machine or self._opening.undecided:
            for item in items:
                self._on_item(item)
