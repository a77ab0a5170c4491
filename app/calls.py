"""A call's life: registered by the webhook, opened by its stream, talked, closed, perhaps reopened."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar

import msgspec

from app.conversation.conversation import LAST_WORDS_SECONDS, Conversation
from app.conversation.opening import VERDICTS, AnsweredBy, Opening
from app.conversation.transcript import TranscriptLine
from app.live.events import LiveEvents
from app.live.messages import Changed
from app.media_stream.admission import RefusedError
from app.media_stream.connection import MediaStreamConnection
from app.media_stream.line import TwilioLine
from app.media_stream.manager import CallTakenError, MediaStreamManager
from app.services.language_model import Item, LanguageModel
from app.services.listening import Listening
from app.services.speech_to_text.warm import WarmEars
from app.services.text_to_speech import TextToSpeech
from app.settings import Settings
from app.store.database import Lost, why
from app.store.operations import (
    CallAnswered,
    CallFinished,
    CallRegistered,
    CallRings,
    CallStarted,
    InterimHeard,
    ItemSaved,
    LineWritten,
    TransferFailed,
)
from app.store.queries import Queries
from app.store.records import ResumeState
from app.store.writer import Writer
from app.telephony.hanging_up import HangingUp

log = logging.getLogger(__name__)

LOOKUP_SECONDS = 1.0
"""How long a call waits for what the database knows of it, before it goes on without."""

MAX_RESUMES = 20
"""How often a call may be cut off from its server: more than a bad day has, but a call that breaks every
server which takes it comes to an end."""

CUT_OFF_REASONS = (None, "connection_lost", "server_lost", "server_stopped", "error")
"""Ways for a stream to end that are not the end of the conversation. None: it ended unnoticed."""

ENDED_BY_US = ("agent_hung_up", "idle", "max_duration")
"""Ways for a stream to end after which Twilio must not keep the call."""

NOT_REACHED = {"busy": "busy", "no-answer": "no_answer", "failed": "failed", "canceled": "canceled"}
"""End reasons of a call that was placed and came to nothing, by Twilio's CallStatus."""

Next = Literal["stream", "transfer", "hang_up", "give_up"]

CUT_OFF = "Sorry, we were cut off for a moment. Where were we?"

NOBODY_ANSWERED = "I'm sorry, nobody could answer just now. I can take a message. What should it say?"

T = TypeVar("T")

START_OF_2026 = 1_767_225_600
"""Seconds since then are larger than any count of lines, and fit into PostgreSQL's integer until 2094."""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call with an open stream, and what the talk begins with."""

    connection: MediaStreamConnection
    greeting: str
    items: tuple[Item, ...]
    perhaps_machine: bool
    """We have called, and Twilio will say who has answered."""


class Calls:
    """What webhooks and streams do to calls. The database is told of everything and waited for seldom."""

    def __init__(
        self,
        settings: Settings,
        manager: MediaStreamManager,
        writer: Writer,
        queries: Queries,
        *,
        ears: WarmEars,
        voice: TextToSpeech,
        mind: LanguageModel,
        live: LiveEvents,
        hanging_up: HangingUp | None,
        listening: Listening | None = None,
    ) -> None:
        """`hanging_up` is there where an account is configured, `listening` where its extra is installed."""
        self.manager = manager
        self._settings = settings
        self._writer = writer
        self._queries = queries
        self._ears = ears
        self._voice = voice
        self._mind = mind
        self._listening = listening
        self._talks: dict[MediaStreamConnection, Conversation] = {}
        self._live = live
        self._hanging_up = hanging_up
        self._verdicts: dict[str, asyncio.Future[AnsweredBy]] = {}
        """Of calls that were placed and have a stream here: who has answered, once it is known."""
        self._unwritten: dict[str, MediaStreamConnection] = {}
        """Calls of which a stream is open, or has ended and is not written down yet."""

    @property
    def ready(self) -> bool:
        """Whether a call could be answered now."""
        return self._ears.ready and self._voice.ready

    @property
    def accepting(self) -> bool:
        """Whether this process is the one to open a stream now."""
        return self.ready and not self.manager.draining

    async def user_of(self, number: str) -> str | None:
        """The user whose phone this is."""
        return await self._look_up(self._queries.user_of_number(number), None) if number else None

    async def register(self, call: CallRegistered) -> None:
        """A call is announced; its stream may follow. Once is as good as ten times.

        Returns when that is written, or cannot be just now: whichever process is asked next knows the call.
        """
        self._writer.add(call)
        self._ears.warm(call.call_sid)
        self._mind.warm()
        await self._look_up(self._writer.flushed(), None)

    async def knows(self, call_sid: str) -> bool:
        """Whether such a call has been announced, or a stream of it opened."""
        return await self._look_up(self._queries.get_call(call_sid), None) is not None

    async def placed(self, call: CallRegistered) -> None:
        """A call is on its way to somebody; returns when that is written, or cannot be just now."""
        self.is_known(call)
        await self._look_up(self._writer.flushed(), None)

    def is_known(self, call: CallRegistered) -> None:
        """There is such a call, somewhere on its way."""
        self._writer.add(call)

    def rings(self, call_sid: str) -> None:
        """A call that was placed rings."""
        self._writer.add(CallRings(call_sid))

    def answered(self, call_sid: str, answered_by: AnsweredBy) -> None:
        """Who has answered a call that was placed. Whichever process has its stream reads it there."""
        self._verdict_known(call_sid, answered_by)
        self._writer.add(CallAnswered(call_sid, answered_by))

    def _verdict_known(self, call_sid: str, answered_by: AnsweredBy) -> None:
        verdict = self._verdicts.get(call_sid)
        if verdict is not None and not verdict.done():
            verdict.set_result(answered_by)

    async def open(self, call_sid: str, user_id: str | None) -> OpenCall:
        """A stream has named its call.

        Raises:
            RefusedError: the call has an open stream already, or the server is about to stop.
        """
        await self._written_down(call_sid)
        known = await self._look_up(self._past(call_sid, user_id), None)
        past, items = known or (None, ())
        history = msgspec.convert(
            past.lines if past else (), tuple[TranscriptLine, ...], from_attributes=True
        )
        # Lines of an earlier stream may be in a database that does not answer, or in the spool of a server
        # that died before it could write how the stream ended: do not write over them.
        all_known = known and not (past and past.incomplete)
        first_seq = 0 if all_known else int(time.time()) - START_OF_2026
        user_id = user_id or (past.user_id if past else None)
        if self.manager.draining:
            # It would be cut off in a moment. Twilio asks `/voice/next`, and somebody else goes on.
            raise RefusedError("The server is about to stop.", code=1012)
        try:
            connection = self.manager.create_connection(call_sid, user_id, history, first_seq)
        except CallTakenError:
            raise RefusedError(f"Call {call_sid} has an open stream already.") from None
        self._unwritten[call_sid] = connection
        self._writer.add(CallStarted(call_sid, user_id, datetime.now(UTC)))
        connection.on("transcript", lambda line: self._written(call_sid, line))
        return OpenCall(
            connection,
            self._first_words(past),
            items,
            perhaps_machine=past is not None and past.greeting is not None and not past.lines,
        )

    def _first_words(self, past: ResumeState | None) -> str:
        if past is not None and past.end_reason == "transfer_failed":
            return NOBODY_ANSWERED
        if past is not None and past.lines and past.end_reason in CUT_OFF_REASONS:
            return CUT_OFF
        return (past.greeting if past else None) or self._settings.agent_greeting

    async def _past(self, call_sid: str, user_id: str | None) -> tuple[ResumeState | None, tuple[Item, ...]]:
        """What an earlier stream of this call left, and what its user has noted in the caller's own time."""
        # The last lines of that stream may still wait to be written.
        await self._writer.flushed()
        past = await self._queries.resume_state(call_sid)
        user_id = user_id or (past.user_id if past else None)
        items = await self._queries.open_items(user_id) if user_id else []
        return past, tuple(
            msgspec.structs.replace(item, due_at=item.due_at and item.due_at.astimezone(self._settings.zone))
            for item in (*items, *(past.items if past else ()))
        )

    async def converse(self, call: OpenCall, line: TwilioLine) -> None:
        """Talk until the call is over."""
        connection = call.connection
        async with self.opening(call) as opening:
            conversation = Conversation(
                line,
                connection.transcript,
                self._ears,
                self._voice,
                self._mind,
                opening=opening,
                can_transfer=bool(self._settings.transfer_number),
                listening=self._listening,
                items=call.items,
                now=lambda: datetime.now(self._settings.zone),
                on_item=lambda item: self._writer.add(ItemSaved(connection.call_sid, item)),
            )
            connection.stats.latencies = conversation.latencies
            connection.ended.add_done_callback(lambda _ended: conversation.leave())
            self._talks[connection] = conversation
            try:
                if ending := await conversation.run():
                    connection.close(ending)
            finally:
                del self._talks[connection]
                connection.stats.interruptions = conversation.interruptions

    @asynccontextmanager
    async def opening(self, call: OpenCall) -> AsyncIterator[Opening]:
        """How the talk begins. While the context lasts, a verdict on who has answered is looked out for."""
        if not call.perhaps_machine:
            yield Opening(call.greeting)
            return
        call_sid = call.connection.call_sid
        verdict = self._verdicts[call_sid] = asyncio.get_running_loop().create_future()
        watch = asyncio.create_task(self._watch_for_verdict(call_sid))
        try:
            yield Opening(call.greeting, message=self._settings.agent_voicemail, verdict=verdict)
        finally:
            watch.cancel()
            await asyncio.wait([watch])
            del self._verdicts[call_sid]

    async def _watch_for_verdict(self, call_sid: str) -> None:
        """Another process may have got it: the database has it then, and pokes."""
        async with self._live.watch(call_sid) as events:
            known = await self._look_up(self._queries.get_call(call_sid), None)
            while known is None or known.answered_by is None:
                if await anext(events) == Changed(call_sid, "status"):
                    known = await self._look_up(self._queries.get_call(call_sid), None)
        self._verdict_known(call_sid, VERDICTS.get(known.answered_by, "unknown"))

    async def hand_over(self) -> None:
        """Let go of every call, each between two turns, so that another process goes on with it."""

        async def let_go(connection: MediaStreamConnection, talk: Conversation) -> None:
            await talk.between_turns()
            connection.close("server_stopped")

        async with asyncio.TaskGroup() as tasks:
            for connection, talk in self._talks.items():
                tasks.create_task(let_go(connection, talk))
        await self.manager.emptied()

    async def close(self, connection: MediaStreamConnection) -> None:
        """The stream is over; with it the call, unless Twilio asks `/voice/next` to go on.

        Returns once that is written, so that whichever process is asked knows.
        """
        self.manager.forget(connection)
        connection.audio.clear()
        stats = msgspec.to_builtins(connection.stats)
        ended_at = connection.ended_at or datetime.now(UTC)
        self._writer.add(
            CallFinished(connection.call_sid, "completed", connection.ended.result(), ended_at, stats)
        )
        await self._look_up(self._writer.flushed(), None)
        if self._hanging_up and connection.ended.result() in ENDED_BY_US:
            self._hanging_up.expect(connection.call_sid)
        connection.gone.set()
        if self._unwritten.get(connection.call_sid) is connection:
            del self._unwritten[connection.call_sid]

    async def _written_down(self, call_sid: str) -> None:
        """Wait for a stream of this call that has ended, but may still hear its last words."""
        connection = self._unwritten.get(call_sid)
        if connection is not None and connection.ended.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_SECONDS + 2 * LOOKUP_SECONDS):
                    await connection.gone.wait()

    async def what_next(self, call_sid: str) -> Next:
        """The stream is over and Twilio asks what to do with the call."""
        if self._hanging_up:
            self._hanging_up.asked(call_sid)
        # Twilio knows before us when a socket breaks half-open.
        self.manager.close_connection(call_sid, "connection_lost")
        await self._written_down(call_sid)
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                await self._writer.flushed()
                call = await self._queries.get_call(call_sid)
        except Lost as error:
            log.warning("call %s: goes on without the database (%s)", call_sid, why(error))
            return "stream"
        if call is None:
            return "hang_up"
        if call.end_reason == "transferred":
            return "transfer"
        if call.end_reason not in (*CUT_OFF_REASONS, "transfer_failed"):
            return "hang_up"
        return "stream" if call.resumes < MAX_RESUMES else "give_up"

    async def transfer_failed(self, call_sid: str) -> bool:
        """Nobody answered a transfer. Whether the caller comes back to us; False: once too often."""
        self._writer.add(TransferFailed(call_sid))
        await self._look_up(self._writer.flushed(), None)
        call = await self._look_up(self._queries.get_call(call_sid), None)
        return call is None or call.resumes < MAX_RESUMES

    async def end(self, call_sid: str, status: str) -> None:
        """Twilio says that the call is over, whoever had it."""
        if self._hanging_up:
            self._hanging_up.asked(call_sid)
        if self.manager.close_connection(call_sid, "status_callback"):
            return
        # The webhook that announced it may still wait to be written.
        await self._look_up(self._writer.flushed(), None)
        call = await self._look_up(self._queries.get_call(call_sid), None)
        if call is not None and call.started_at is None and call.ended_at is None:
            placed = call.direction == "outbound"
            reason = NOT_REACHED.get(status, "never_connected") if placed else "never_connected"
            self._writer.add(CallFinished(call_sid, status, reason, datetime.now(UTC), {}))

    def _written(self, call_sid: str, line: TranscriptLine) -> None:
        if line.is_final or line.speaker == "assistant":
            self._writer.add(
                LineWritten(
                    call_sid,
                    line.seq,
                    line.speaker,
                    line.text,
                    line.is_final,
                    line.confidence,
                    line.started_ms,
                    line.ended_ms,
                    line.interrupted,
                    line.revision,
                )
            )
        else:
            self._writer.add(InterimHeard(call_sid, line.seq, line.speaker, line.text, line.started_ms))

    async def _look_up(self, query: Awaitable[T], otherwise: T) -> T:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                return await query
        except Exception as error:
            log.warning("the database did not answer (%s); the call goes on without", error or type(error))
            return otherwise
