"""One call's recognition by Google: a stream after another, as one."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator

import grpc
import grpc.aio

from app import metrics
from app.services.speech_to_text.event_queue import EventQueue
from app.services.speech_to_text.google.beat import Beat
from app.services.speech_to_text.google.channels import Channels
from app.services.speech_to_text.google.faults import BY_NUMBER, Failure, Fault, Patience, failure
from app.services.speech_to_text.google.leg import Leg
from app.services.speech_to_text.google.overlap import Ledger
from app.services.speech_to_text.google.requests import Activity, Dialect, Result, Trouble
from app.services.speech_to_text.google.rollover import Limits, trusted
from app.services.speech_to_text.interface import (
    Final,
    Interim,
    RecognitionError,
    RecognitionEvent,
    SpeechEnded,
    SpeechStarted,
)
from app.services.speech_to_text.tail import BYTES_PER_MS, Tail

REQUEST = 100 * BYTES_PER_MS
"""Bytes of audio in a request. 100 ms is the recommended size; 20 ms costs five times the CPU."""
SILENCE = b"\xff" * REQUEST
TICK_SECONDS = 0.5
"""How often a stream's age is looked at, and on a quiet line a request of silence sent."""
REFUSAL_SECONDS = 0.2
"""A stream that is refused is refused within about a round trip."""
LEAST_VOICE_MS = 500
"""So much of a voice without any answer, or words without their final, for twice the seconds after which
another recogniser would have taken over: the stream is dead, whatever its connection says."""
STABLE = 0.85
"""An interim of this stability is taken as what was said. Google's documentation shows 0.9 for words that do
not change any more and 0.01 for those just heard."""
LAST_DOUBTS = 2
"""A voice at the end of a call, of which a stream told nothing, is heard again so often."""
DRAIN_SECONDS = 5.0
"""A stream that was told that no audio will follow may stay silent for so long."""


class GoogleStream:
    """`push` a call's audio, `finish`, iterate for the events.

    The call's audio goes to one RPC at a time, a `Leg`. Where a leg fails or gets too old the next one begins
    with the audio that has no final yet; a leg that was replaced in time is read to its end meanwhile.
    """

    def __init__(
        self, dialect: Dialect, channels: Channels, beat: Beat, limits: Limits, seconds: float
    ) -> None:
        """`seconds`: for how long to try without a working stream."""
        self._dialect = dialect
        self._channels = channels
        self._beat = beat
        self._limits = limits
        self._seconds = seconds
        self._patience = Patience(seconds)
        self._tail = Tail()
        self._ledger = Ledger()
        self._events = EventQueue()
        self._pushed = asyncio.Event()
        self._finished = False
        self._leg: Leg | None = None
        self._voice_ms: float | None = None
        """Since when a voice is heard."""
        self._guessed = False
        """Words were heard that are not final yet."""
        self._doubts = LAST_DOUBTS

    def push(self, audio: bytes) -> None:
        """Take 8 kHz μ-law audio of any length."""
        if self._finished or self._events.ended:
            return
        self._tail.append(audio)
        if self._leg and self._tail.end - self._leg.timeline.position >= REQUEST:
            self._beat.set(self._pushed)

    def finish(self) -> None:
        """No more audio will come: what is open becomes final, then the iteration ends."""
        self._finished = True
        self._pushed.set()

    def __aiter__(self) -> AsyncIterator[RecognitionEvent]:
        return aiter(self._events)

    async def listen(self) -> None:
        """Recognise until the call's audio is finished and all of it is final, or there is no hope."""
        try:
            async with asyncio.TaskGroup() as tasks:
                timer = tasks.create_task(self._keep_time())
                legs: set[asyncio.Task[Failure | None]] = set()
                try:
                    await self._recognise(tasks, legs)
                finally:
                    timer.cancel()
                    for task in legs:
                        task.cancel()
        except* RecognitionError as group:
            error = group.exceptions[0]
            assert isinstance(error, RecognitionError)
            self._events.end(error)
        finally:
            self._events.end()

    async def _recognise(self, tasks: asyncio.TaskGroup, legs: set[asyncio.Task[Failure | None]]) -> None:
        previous: Leg | None = None
        careful = False
        while True:
            leg = self._leg = Leg(self._tail.start, time.monotonic(), careful=careful)
            leg.answered_voice_ms = self._tail.voiced_ms
            self._silence_voice()
            task = tasks.create_task(self._serve(leg, previous))
            legs.add(task)
            task.add_done_callback(legs.discard)
            cut = tasks.create_task(leg.was_cut.wait())
            await asyncio.wait([task, cut], return_when=asyncio.FIRST_COMPLETED)
            cut.cancel()
            if not task.done():
                previous = leg
                continue
            previous = None
            failed = task.result()
            if self._finished and ((failed is None and self._heard_all(leg)) or not self._tail.loud_ms):
                return
            if failed is None:
                failed = Failure(Fault.IDLE, "Google has closed the stream.")
            careful = failed.fault is Fault.UNTOLD
            await self._recover(leg, failed)

    def _heard_all(self, leg: Leg) -> bool:
        """Whether a leg that Google has ended, and not as a failure, had heard its audio to the end: it may
        have been ended before, with the rest still under way. Words without their final say so."""
        if not leg.half_closed or self._guessed:
            return False
        if self._doubts and self._tail.voice_ms >= LEAST_VOICE_MS:
            self._doubts -= 1
            return False
        return True

    async def _recover(self, leg: Leg, failed: Failure) -> None:
        metrics.PROVIDER_FAILURES.labels(provider="google speech", fault=failed.fault.value).inc()
        delay = self._patience.failed(
            failed,
            time.monotonic(),
            opened=leg.opened,
            connected=leg.connected,
            progressed=leg.progressed,
        )
        if delay is None:
            raise RecognitionError(self._patience.reason, math.ceil(self._ledger.heard_ms))
        self._silence_voice()
        await asyncio.sleep(delay)

    async def _serve(self, leg: Leg, previous: Leg | None) -> Failure | None:
        """Run one RPC to its end. Returns how it failed, None if Google ended it well."""
        channel = self._channels.lease()
        # No serializers: requests and responses are bytes.
        call = channel.stream_stream(self._dialect.method)()
        writer = asyncio.create_task(self._write(leg, call, previous))
        try:
            return await self._read(leg, call)
        finally:
            call.cancel()
            writer.cancel()
            await asyncio.wait([writer])
            if previous:
                previous.was_replaced.set()
            await self._channels.release(channel, usable=not leg.unreachable)

    async def _read(self, leg: Leg, call: grpc.aio.StreamStreamCall[bytes, bytes]) -> Failure | None:
        try:
            async with asyncio.timeout(self._seconds) as leg.patience:
                while (raw := await call.read()) is not grpc.aio.EOF:
                    leg.answered, leg.answered_voice_ms = time.monotonic(), self._tail.voiced_ms
                    if leg.half_closed:
                        leg.expect_within(DRAIN_SECONDS)
                    for heard in self._dialect.parse(raw):
                        if isinstance(heard, Trouble):
                            code = BY_NUMBER.get(heard.code, grpc.StatusCode.UNKNOWN)
                            return failure(code, heard.message)
                        self._take(leg, heard)
        except TimeoutError:
            if leg.connected is None:
                leg.unreachable = True
                return Failure(Fault.PASSING, "Google could not be reached.")
            return Failure(Fault.PASSING, "Google has stopped answering.")
        except grpc.aio.AioRpcError as error:
            return failure(error.code(), error.details())
        return None

    async def _write(
        self, leg: Leg, call: grpc.aio.StreamStreamCall[bytes, bytes], previous: Leg | None
    ) -> None:
        try:
            await call.write(self._dialect.config)
            leg.connected = time.monotonic()
            leg.expect_within(None)
            if leg.careful:
                await asyncio.sleep(REFUSAL_SECONDS)
            while not leg.was_cut.is_set():
                if audio := self._next_audio(leg):
                    await call.write(self._dialect.audio(audio))
                    continue
                if previous:
                    previous.was_replaced.set()
                if self._finished:
                    break
                self._pushed.clear()
                await self._pushed.wait()
            if leg.was_cut.is_set():
                await leg.was_replaced.wait()
            leg.half_closed = True
            leg.expect_within(DRAIN_SECONDS)
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The RPC is over; the reader sees why.
            return

    def _next_audio(self, leg: Leg) -> bytes:
        """The next request's audio, empty if there is none yet."""
        timeline = leg.timeline
        if timeline.position < self._tail.start:
            timeline.skip_to(self._tail.start)
        size = self._tail.end - timeline.position
        if size >= REQUEST or (self._finished and size > 0):
            audio = self._tail.slice(timeline.position, timeline.position + REQUEST)
            timeline.sent(len(audio))
            return audio
        if leg.wants_silence:
            leg.wants_silence = False
            timeline.inserted(REQUEST)
            return SILENCE
        return b""

    async def _keep_time(self) -> None:
        """Replace legs that grow old, and keep a quiet line alive."""
        end, pushed_at = 0, time.monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            if end != self._tail.end:
                end, pushed_at = self._tail.end, now
            leg = self._leg
            if leg is None or self._finished or leg.connected is None:
                continue
            pause = self._voice_ms is None and not self._guessed
            if self._limits.too_old(leg.age(now), pause=pause):
                leg.cut()
                self._pushed.set()
            is_silent = now - leg.answered >= 2 * self._seconds
            is_owed = self._tail.voiced_ms - leg.answered_voice_ms >= LEAST_VOICE_MS or self._guessed
            if is_silent and is_owed:
                leg.expect_within(0)
            if now - pushed_at >= self._limits.idle:
                leg.wants_silence = True
                self._pushed.set()

    def _take(self, leg: Leg, heard: Result | Activity) -> None:
        if isinstance(heard, Activity):
            if leg is self._leg:
                self._take_activity(heard.begins, leg.timeline.call_ms(heard.at_ms))
            return
        result = leg.in_call(heard)
        if not result.is_final:
            if leg is self._leg:
                self._guess(leg, result)
            return
        since_ms, leg.since_ms = leg.since_ms, max(leg.since_ms, result.end_ms)
        if not trusted(result.end_ms, leg.cut_ms):
            return
        new = self._ledger.admit(result, since_ms)
        self._tail.cut(math.ceil(self._ledger.heard_ms * BYTES_PER_MS))
        is_void = self._guessed and not result.text
        if leg is self._leg:
            leg.progressed = True
            self._guessed = False
        if is_void:
            self._events.put(Final("", int(since_ms), math.ceil(result.end_ms)))
        elif new is not None:
            began_ms = new.words[0].start_ms if new.words else self._began(since_ms, new.end_ms)
            ended_ms = new.words[-1].end_ms if new.words else new.end_ms
            self._events.put(Final(new.text, int(began_ms), math.ceil(ended_ms), new.confidence))

    def _guess(self, leg: Leg, result: Result) -> None:
        new = self._ledger.new(result, leg.since_ms)
        if new is not None:
            self._guessed = True
            began_ms = int(self._began(self._ledger.heard_ms, new.end_ms))
            self._events.put(Interim(new.text, began_ms, stable=new.stability >= STABLE))

    def _took_voice(self, at_ms: float) -> bool:
        return self._voice_ms is None and at_ms >= self._ledger.heard_ms

    def _take_activity(self, begins: bool, at_ms: float) -> None:
        if begins and self._took_voice(at_ms):
            self._voice_ms = at_ms
            self._events.put(SpeechStarted(int(at_ms)))
        elif not begins and self._voice_ms is not None:
            self._voice_ms = None
            self._events.put(SpeechEnded(int(at_ms)))

    def _silence_voice(self) -> None:
        """The next leg tells anew that a voice is heard, and whether it stops; the last one cannot."""
        if self._voice_ms is not None:
            self._voice_ms = None
            self._events.put(SpeechEnded(self._tail.end // BYTES_PER_MS))
        self._guessed = False

    def _began(self, since_ms: float, until_ms: float) -> float:
        """When the words between two moments began, as far as the voice activity tells."""
        voice_ms = self._voice_ms
        return voice_ms if voice_ms is not None and since_ms < voice_ms < until_ms else since_ms
