"""Several recognisers as one: where the first cannot go on, the next does, in the same call."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from app import metrics
from app.services.circuit_breaker import FIRST_COOL_DOWN_SECONDS, CircuitBreaker
from app.services.speech_to_text.debt import Debt
from app.services.speech_to_text.event_queue import EventQueue
from app.services.speech_to_text.interface import (
    Deafened,
    Final,
    Interim,
    RecognitionError,
    RecognitionEvent,
    RecognitionStream,
    SpeechEnded,
    SpeechStarted,
    SpeechToText,
)
from app.services.speech_to_text.tail import BYTES_PER_MS, Tail

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""Between attempts when no recogniser is left to try."""
LAST_TRIES = 4
"""To hear the rest of a call that is over, by recognisers that are not to be trusted."""
SETTLED_SECONDS = 3.0
"""A line that stays noisy is in a pause when the recogniser has told of nothing for so long."""
STAY_SECONDS = 5.0
"""With the next recogniser before an earlier one is tried again: a caller may be in the middle of it."""


class FailoverSpeechToText:
    """Recognisers in the order of preference."""

    def __init__(
        self, engines: Sequence[SpeechToText], seconds: float, cool_down: float = FIRST_COOL_DOWN_SECONDS
    ) -> None:
        """`seconds`: how long a recogniser may leave a voice without any answer. One that failed is tried
        again after `cool_down` seconds, which double with each failure that follows."""
        self.engines = tuple(engines)
        self.name = ", ".join(engine.name for engine in engines)
        self._seconds = seconds
        self._cool_down = cool_down
        self._breakers = {engine.name: CircuitBreaker(cool_down) for engine in engines}

    async def start(self) -> None:
        """Start all of them.

        Raises:
            SettingError: one is set up wrongly.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                for engine in self.engines:
                    tasks.create_task(engine.start())
        except BaseExceptionGroup as group:
            await self.aclose()
            raise group.exceptions[0] from None

    async def aclose(self) -> None:
        """Let go of all; running streams end."""
        await asyncio.gather(*(engine.aclose() for engine in self.engines))

    @property
    def ready(self) -> bool:
        """Whether one of them would serve."""
        return any(engine.ready for engine in self.engines)

    @asynccontextmanager
    async def stream(self, call_sid: str) -> AsyncIterator[FailoverStream]:
        """One call's recognition. Leaving the context frees all it holds, whatever was going on."""
        stream = FailoverStream(
            call_sid, self.engines, self._breakers, self._seconds, min(STAY_SECONDS, self._cool_down)
        )
        listening = asyncio.create_task(stream.listen(), name=f"recognition of {call_sid}")
        try:
            yield stream
        finally:
            listening.cancel()
            await asyncio.wait([listening])


class FailoverStream:
    """`push` a call's audio, `finish`, iterate for the events; the recogniser behind it may change.

    It changes where one cannot go on, and in a pause back to an earlier one that may be well again.
    """

    def __init__(
        self,
        call_sid: str,
        engines: tuple[SpeechToText, ...],
        breakers: dict[str, CircuitBreaker],
        seconds: float,
        stay: float,
    ) -> None:
        self._call_sid = call_sid
        self._engines = engines
        self._breakers = breakers
        self._seconds = seconds
        self._stay = stay
        self._tail = Tail()
        self._events = EventQueue()
        self._stream: RecognitionStream | None = None
        self._finished = False
        self._last_tries = LAST_TRIES
        self._deaf = False
        """Whether it was told that nobody hears the caller."""
        self._timeout: asyncio.Timeout | None = None
        self._debt = Debt(seconds, 0)
        self._voice = False
        self._due: float | None = None
        """When the recogniser is left, as far as that is set."""
        self._told_at = 0.0
        """When it last told of anything."""
        self._opened = 0.0
        self._place = 0
        """In the order of preference, of the one that is used."""
        self._next: SpeechToText | None = None
        """Who is gone back to."""
        self._silent: tuple[SpeechToText, float] | None = None
        """Left because it did not answer a voice, with the time it was opened. That it was a voice is known
        when the next one has heard words."""

    def push(self, audio: bytes) -> None:
        """Take 8 kHz μ-law audio of any length."""
        if self._finished or self._events.ended:
            return
        judged = self._tail.append(audio)
        if self._stream:
            self._stream.push(audio)
            if judged:
                self._look()

    def finish(self) -> None:
        """No more audio will come: what is open becomes final, then the iteration ends."""
        self._finished = True
        if self._stream:
            self._stream.finish()

    def __aiter__(self) -> AsyncIterator[RecognitionEvent]:
        return aiter(self._events)

    async def listen(self) -> None:
        """Have the call recognised until it is finished, by whoever can."""
        try:
            left: SpeechToText | None = None
            reason = ""
            while engine := self._next or await self._choose(left):
                self._next = None
                if left:
                    self._announce(left, reason, engine)
                reason = await self._use(engine)
                if self._finished and (not reason or not self._tail.loud_ms):
                    return
                left = engine
        finally:
            self._events.end()

    async def _use(self, engine: SpeechToText) -> str:
        """Have one recogniser go on until it cannot. Returns why, empty if it has done all there was."""
        # In whole milliseconds, which is what its times are counted in.
        start_ms = -(-self._tail.start // BYTES_PER_MS)
        self._opened = self._told_at = time.monotonic()
        self._place = self._engines.index(engine)
        self._debt = Debt(self._seconds, self._tail.voiced_ms)
        self._due = None
        try:
            async with engine.stream(self._call_sid) as stream, asyncio.timeout(None) as self._timeout:
                stream.push(self._tail.slice(start_ms * BYTES_PER_MS, self._tail.end))
                if self._finished:
                    stream.finish()
                self._stream = stream
                async for event in stream:
                    self._take(engine, event, start_ms)
                if self._finished:
                    return ""
                reason = "it has ended the stream"
        except RecognitionError as error:
            self._tail.cut((start_ms + error.unheard_from_ms) * BYTES_PER_MS)
            reason = str(error)
        except TimeoutError:
            if self._next:
                return f"{self._next.name} may be well again"
            metrics.PROVIDER_FAILURES.labels(provider=engine.name, fault="silent").inc()
            self._silent = engine, self._opened
            return f"it has not answered a voice for {self._seconds:.1f} s"
        except Exception as error:  # whatever it is, the call goes on
            reason = f"{type(error).__name__}: {error}"
        finally:
            self._stream = self._timeout = None
            if self._voice:
                # The next one tells anew that a voice is heard, and when it stops.
                self._put(SpeechEnded(self._tail.end // BYTES_PER_MS))
        self._breakers[engine.name].failed(self._opened, time.monotonic())
        return reason

    async def _choose(self, left: SpeechToText | None) -> SpeechToText | None:
        """Who goes on after `left`. None: nobody can hear the rest, and no more audio will come."""
        now = time.monotonic()
        for engine in self._engines:
            if engine is not left and self._usable(engine, now):
                return engine
        # None is to be trusted: take turns among those that are there.
        while not self._finished or self._last_tries:
            if self._finished:
                self._last_tries -= 1
            elif left:
                if not self._deaf:
                    self._deaf = True
                    self._put(Deafened())
                await asyncio.sleep(PAUSE_SECONDS)
            ready = [engine for engine in self._engines if engine.ready]
            if ready:
                return next((engine for engine in ready if engine is not left), ready[0])
            left = left or self._engines[0]
        return None

    def _usable(self, engine: SpeechToText, now: float) -> bool:
        return engine.ready and self._breakers[engine.name].allows(now)

    def _announce(self, left: SpeechToText, reason: str, engine: SpeechToText) -> None:
        metrics.PROVIDER_SWITCHES.labels(service="speech_to_text", to=engine.name).inc()
        logger.warning(
            "call %s: speech recognition goes from %s to %s at %d ms: %s",
            self._call_sid, left.name, engine.name, self._tail.start // BYTES_PER_MS, reason,
        )  # fmt: skip

    def _look(self) -> None:
        """Whether the recogniser is late, and another one there; or whether an earlier one is tried again."""
        if self._place < len(self._engines) - 1:
            self._expect(self._debt.due(self._tail, time.monotonic()))
        if self._place and not self._next and self._in_a_pause():
            now = time.monotonic()
            earlier = self._engines[: self._place]
            self._next = next((engine for engine in earlier if self._usable(engine, now)), None)
            if self._next:
                if self._tail.loud_ms:
                    self._tail.cut(self._tail.end - round(SETTLED_SECONDS * 1000) * BYTES_PER_MS)
                self._expect(now)

    def _in_a_pause(self) -> bool:
        """Nobody speaks, and nothing that was said waits for its final."""
        now = time.monotonic()
        if self._voice or now - self._opened < self._stay:
            return False
        return not self._tail.loud_ms or now - self._told_at >= SETTLED_SECONDS

    def _expect(self, due: float | None) -> None:
        if due != self._due and self._timeout and not self._timeout.expired():
            self._due = due
            loop = asyncio.get_running_loop()
            when = None if due is None else loop.time() + due - time.monotonic()
            self._timeout.reschedule(when)

    def _take(self, engine: SpeechToText, event: RecognitionEvent, start_ms: int) -> None:
        self._told_at = time.monotonic()
        self._deaf = False
        self._debt.answered(event, self._tail.voiced_ms)
        if not self._next:
            self._expect(None)
        match event:
            case SpeechStarted() | SpeechEnded():
                self._put(replace(event, at_ms=start_ms + event.at_ms))
            case Interim():
                self._put(replace(event, started_ms=start_ms + event.started_ms))
            case Final():
                ended_ms = start_ms + event.ended_ms
                self._tail.cut(ended_ms * BYTES_PER_MS)
                if event.text:
                    self._judge(engine)
                self._put(replace(event, started_ms=start_ms + event.started_ms, ended_ms=ended_ms))
            case Deafened():
                self._put(event)

    def _judge(self, engine: SpeechToText) -> None:
        """`engine` has heard words."""
        self._breakers[engine.name].worked(self._opened)
        if self._silent and self._silent[0] is not engine:
            silent, opened = self._silent
            self._breakers[silent.name].failed(opened, time.monotonic())
            self._silent = None

    def _put(self, event: RecognitionEvent) -> None:
        if isinstance(event, SpeechStarted):
            self._voice = True
        elif isinstance(event, SpeechEnded):
            self._voice = False
        self._events.put(event)
