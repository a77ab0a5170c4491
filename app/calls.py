"""A call's life: registered by the webhook, opened by its stream, talked, closed, perhaps reopened."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec

from app.beginnings import CUT_OFF_REASONS, Beginning, Beginnings
from app.conversation.conversation import LAST_WORDS_SECONDS, Conversation
from app.conversation.opening import VERDICT_SECONDS, AnsweredBy, Opening
from app.conversation.transcript import TranscriptLine
from app.live.events import LiveEvents
from app.media_stream.admission import RefusedError
from app.media_stream.connection import EndReason, MediaStreamConnection
from app.media_stream.line import TwilioLine
from app.media_stream.manager import CallTakenError, MediaStreamManager
from app.services.language_model import LanguageModel
from app.services.listening import Listening
from app.services.speech_to_text.warm import WarmEars
from app.services.text_to_speech import TextToSpeech
from app.settings import Settings
from app.store.database import Lost, why
from app.store.lookups import LOOKUP_SECONDS, look_up
from app.store.operations import (
    CallAnswered,
    CallFinished,
    CallNotReached,
    CallRegistered,
    CallRings,
    CallStarted,
    InterimHeard,
    ItemSaved,
    LineWritten,
    TransferFailed,
)
from app.store.queries import Queries
from app.store.writer import Writer
from app.telephony.hanging_up import HangingUp
from app.verdicts import Verdicts

log = logging.getLogger(__name__)

MAX_RESUMES = 20
"""How often a call may be cut off from its server: more than a bad day has, but a call that breaks every
server which takes it comes to an end."""

ENDED_BY_US = ("agent_hung_up", "idle", "max_duration")
"""Ways for a stream to end after which Twilio must not keep the call."""

NOT_REACHED = {"busy": "busy", "no-answer": "no_answer", "failed": "failed", "canceled": "canceled"}
"""End reasons of a call that was placed and came to nothing, by Twilio's CallStatus."""

REMEMBERED_SECONDS = 60.0
"""How long a process knows by itself how a stream has ended: Twilio asks within a second or two."""

Next = Literal["stream", "transfer", "hang_up", "give_up"]


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call with an open stream, and what the talk begins with."""

    connection: MediaStreamConnection
    beginning: Beginning


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
        self._hanging_up = hanging_up
        self._beginnings = Beginnings(settings, writer, queries)
        self._verdicts = Verdicts(queries, live)
        self._unwritten: dict[str, MediaStreamConnection] = {}
        """Calls of which a stream is open, or has ended and is not written down yet."""
        self._endings: dict[str, tuple[EndReason, asyncio.TimerHandle]] = {}
        """How streams have ended of late: Twilio may ask while the database does not answer."""

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
        return await look_up(self._queries.user_of_number(number), None) if number else None

    async def register(self, call: CallRegistered) -> None:
        """A call is announced; its stream may follow. Once is as good as ten times.

        Returns when that is written, or cannot be just now: whichever process is asked next knows the call.
        """
        self._writer.add(call)
        self._ears.warm(call.call_sid)
        self._mind.warm()
        await look_up(self._writer.flushed(), None)

    async def knows(self, call_sid: str) -> bool:
        """Whether such a call has been announced, or a stream of it opened."""
        return await look_up(self._queries.get_call(call_sid), None) is not None

    async def placed(self, call: CallRegistered) -> None:
        """A call is on its way to somebody; returns when that is written, or cannot be just now."""
        self.is_known(call)
        await look_up(self._writer.flushed(), None)

    def is_known(self, call: CallRegistered) -> None:
        """There is such a call, somewhere on its way."""
        self._writer.add(call)

    def rings(self, call_sid: str) -> None:
        """A call that was placed rings."""
        self._writer.add(CallRings(call_sid))

    def answered(self, call_sid: str, answered_by: AnsweredBy) -> None:
        """Who has answered a call that was placed. Whichever process has its stream reads it there."""
        self._verdicts.known(call_sid, answered_by)
        self._writer.add(CallAnswered(call_sid, answered_by))

    async def open(self, call_sid: str, user_id: str | None) -> OpenCall:
        """A stream has named its call.

        Raises:
            RefusedError: the call has an open stream already, or the server is about to stop.
        """
        await self._written_down(call_sid)
        begins = await self._beginnings.of(call_sid, user_id)
        if self.manager.draining:
            # It would be cut off in a moment. Twilio asks `/voice/next`, and somebody else goes on.
            raise RefusedError("The server is about to stop.", code=1012)
        try:
            connection = self.manager.create_connection(
                call_sid, begins.user_id, begins.history, begins.first_seq
            )
        except CallTakenError:
            raise RefusedError(f"Call {call_sid} has an open stream already.") from None
        self._unwritten[call_sid] = connection
        self._writer.add(CallStarted(call_sid, begins.user_id, datetime.now(UTC)))
        connection.on("transcript", lambda line: self._written(call_sid, line))
        return OpenCall(connection, begins)

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
                items=call.beginning.items,
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
        if not call.beginning.perhaps_machine:
            yield Opening(call.beginning.first_words)
            return
        message, history = self._settings.agent_voicemail, call.beginning.history
        if any(line.speaker == "assistant" and line.text == message for line in history):
            # An earlier stream has left it.
            message = ""
        async with self._verdicts.awaited(call.connection.call_sid) as verdict:
            yield Opening(
                call.beginning.first_words,
                message=message,
                verdict=verdict,
                # Whoever has been talked with was held up once.
                patience=LOOKUP_SECONDS if history else VERDICT_SECONDS,
            )

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
        await look_up(self._writer.flushed(), None)
        call_sid = connection.call_sid
        reason = connection.ended.result()
        self._remember(call_sid, reason)
        if self._hanging_up and reason in ENDED_BY_US:
            self._hanging_up.expect(call_sid)
        connection.gone.set()
        if self._unwritten.get(connection.call_sid) is connection:
            del self._unwritten[connection.call_sid]

    def _remember(self, call_sid: str, reason: EndReason) -> None:
        if earlier := self._endings.get(call_sid):
            earlier[1].cancel()
        timer = asyncio.get_running_loop().call_later(REMEMBERED_SECONDS, self._endings.pop, call_sid)
        self._endings[call_sid] = reason, timer

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
            after = _after(self._endings[call_sid][0] if call_sid in self._endings else None)
            log.warning("call %s: without the database (%s) it goes on with: %s", call_sid, why(error), after)
            return after
        if call is None:
            return "hang_up"
        after = _after(call.end_reason)
        return "give_up" if after == "stream" and call.resumes >= MAX_RESUMES else after

    async def transfer_failed(self, call_sid: str) -> bool:
        """Nobody answered a transfer. Whether the caller comes back to us; False: once too often."""
        self._writer.add(TransferFailed(call_sid))
        await look_up(self._writer.flushed(), None)
        call = await look_up(self._queries.get_call(call_sid), None)
        return call is None or call.resumes < MAX_RESUMES

    def end(self, call_sid: str, status: str) -> None:
        """Twilio says that the call is over, whoever had it."""
        if self._hanging_up:
            self._hanging_up.asked(call_sid)
        if self.manager.close_connection(call_sid, "status_callback"):
            return
        reason = NOT_REACHED.get(status, "never_connected")
        self._writer.add(CallNotReached(call_sid, status, reason, datetime.now(UTC)))

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


def _after(end_reason: str | None) -> Next:
    """What comes after a stream that has ended so."""
    if end_reason == "transferred":
        return "transfer"
    return "stream" if end_reason in (*CUT_OFF_REASONS, "transfer_failed") else "hang_up"
