"""Recognition on this machine: Silero VAD and moonshine in worker processes. No key, no network.

The server's own part is small: it keeps each call's recent audio as it came, sends whole windows of it
to the one VAD process, lets the `Segmenter` decide, and has the `DecoderPool` decode. Detection and
decoding are different processes, because a caller's first sound must be noticed while another call's
utterance is being decoded.

Every utterance gets a `Final`, in the order in which they were said. Its text is empty if there was
nothing to understand (a cough, a decoder that failed): interims shown before it are to be forgotten.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import SettingError
from app.services.samples import WINDOW
from app.services.speech_to_text.decode_queue import Job, Urgency
from app.services.speech_to_text.decoder_pool import DecoderPool
from app.services.speech_to_text.interface import Final, Interim, RecognitionEvent, SpeechStarted
from app.services.speech_to_text.segmenter import (
    SAMPLES_PER_MS,
    Decision,
    Endpointing,
    Finish,
    Guess,
    Segmenter,
    Window,
)
from app.services.worker_process import WorkerClosedError, WorkerDiedError, WorkerError, WorkerProcess
from app.settings import Settings

MOST_UNJUDGED = 30_000 * SAMPLES_PER_MS
"""Bytes of a stream that may wait for the VAD, 30 s. Beyond that its process is not there to judge
them, and the oldest count as silence."""
SILENCE = Window(voice=0.0, level=0.0)
DIGITAL_SILENCE = b"\xff"
"""In μ-law."""
LAST_BREATH = Endpointing().guess * SAMPLES_PER_MS
"""Silence added when the audio ends, as in a pause. Without it what was cut off is now and then heard twice:
"sixty seven, sixty seven"."""


class LocalSpeechToText:
    """The recogniser of this machine, shared by all calls of the process."""

    name = "local"

    def __init__(self, settings: Settings) -> None:
        self.vad = WorkerProcess("voice detector", "app.services.speech_to_text.vad_worker", patience=10.0)
        self.decoders = DecoderPool(settings.local_speech_workers or min(2, os.cpu_count() or 1))
        self._numbers = itertools.count(1)
        self._streams: set[LocalStream] = set()

    async def start(self) -> None:
        """Start the worker processes; returns when all have loaded.

        Raises:
            SettingError: the engines are not installed, or do not load.
        """
        try:
            await asyncio.gather(self.vad.start(), self.decoders.start())
        except WorkerError as error:
            await self.aclose()
            raise SettingError(
                "SPEECH_TO_TEXT",
                f"the local recogniser cannot be used: {error}",
                "Install it with: pip install 'offhook[local-speech]'",
            ) from error

    async def aclose(self) -> None:
        """End the worker processes; running streams end."""
        for stream in self._streams:
            stream.end()
        await asyncio.gather(self.vad.aclose(), self.decoders.aclose())

    @property
    def ready(self) -> bool:
        """Whether the VAD and at least one decoder are there."""
        return self.vad.ready and self.decoders.ready

    @asynccontextmanager
    async def stream(self, call_sid: str) -> AsyncIterator[LocalStream]:
        """One call's recognition. Leaving the context frees all it holds, whatever was going on."""
        # A call may be cut off and come back: its SID alone does not name a stream.
        stream = LocalStream(f"{call_sid} #{next(self._numbers)}", self.vad, self.decoders)
        self._streams.add(stream)
        listening = asyncio.create_task(stream.listen(), name=f"recognition of {stream.name}")
        try:
            yield stream
        finally:
            self._streams.discard(stream)
            stream.end()
            listening.cancel()
            await asyncio.wait([listening])


class LocalStream:
    """One call's recognition: `push` its audio, `finish`, iterate for the events.

    Positions are bytes since the first one, which are samples of μ-law.
    """

    def __init__(self, name: str, vad: WorkerProcess, decoders: DecoderPool) -> None:
        self.name = name
        self._vad = vad
        self._decoders = decoders
        self._segmenter = Segmenter()
        self._audio = bytearray()
        self._kept_from = 0
        """Position of the first byte in `_audio`."""
        self._judged = 0
        """Position up to which the segmenter has heard."""
        self._pushed = asyncio.Event()
        self._finished = False
        """No audio comes any more."""
        self._drained = False
        """And all of it was acted upon."""
        self._voice = False
        """A voice is heard."""
        self._guess: Job | None = None
        """The last guess at the open utterance."""
        self._shown = 0
        """Position up to which interims have shown it."""
        self._finals: deque[tuple[Job, Finish]] = deque()
        """Utterances that wait for their words, in order."""
        # Bounded by speech: a new interim takes the place of an unread one, the rest is a few a second.
        self._events: deque[RecognitionEvent] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None
        """What ended it, if it was not the end of the audio."""

    def push(self, audio: bytes) -> None:
        """Take 8 kHz μ-law audio of any length."""
        if self._ended or self._finished:
            return
        self._audio += audio
        if self._unjudged >= self._enough:
            self._pushed.set()
        while self._unjudged > MOST_UNJUDGED:
            self._hear(SILENCE)

    def finish(self) -> None:
        """No more audio will come: what is open becomes final, then the iteration ends."""
        if not self._finished:
            self._finished = True
            self._audio += DIGITAL_SILENCE * (LAST_BREATH + -(self._unjudged + LAST_BREATH) % WINDOW)
        self._pushed.set()

    def end(self) -> None:
        """Stop here and forget what is under way. The iteration ends."""
        if not self._ended:
            self._ended = True
            self._decoders.discard(self.name)
            self._vad.tell((self.name, b""))
            self._news.set()

    async def __aiter__(self) -> AsyncIterator[RecognitionEvent]:
        """Raises:
        WorkerError: the rest of this call cannot be recognised.
        """
        while True:
            while self._events:
                yield self._events.popleft()
            if self._error is not None:
                raise self._error
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()

    async def listen(self) -> None:
        """Have the audio judged, one request at a time, and act on it, until the stream is finished.

        What comes in during a request goes into the next one: the more the VAD has to do, the larger the
        pieces, and a process that dies takes nothing with it that is not asked for again.
        """
        try:
            await self._vad.wait_ready()
            await self._judge()
        except WorkerClosedError:
            self.end()
        except Exception as error:  # whatever it is, who iterates must not wait for ever
            self._error = error
            self.end()

    async def _judge(self) -> None:
        while not self._ended:
            if self._unjudged < self._enough:
                if self._finished:
                    break
                self._pushed.clear()
                await self._pushed.wait()
                continue
            position = self._judged
            size = self._unjudged // WINDOW * WINDOW
            try:
                windows = await self._vad.ask(
                    (self.name, self._slice(position, position + size)), list[Window]
                )
            except WorkerClosedError:
                raise
            except WorkerDiedError:
                continue
            # Some may have waited for too long and be counted as silence already.
            for window in windows[(self._judged - position) // WINDOW :]:
                self._hear(window)
        for decision in self._segmenter.finish():
            self._act(decision)
        self._drained = True
        self._settle()

    @property
    def _unjudged(self) -> int:
        return self._kept_from + len(self._audio) - self._judged

    @property
    def _enough(self) -> int:
        """How much must be unjudged for the VAD to be asked."""
        return WINDOW * (1 if self._finished else self._segmenter.undecided_for)

    def _slice(self, start: int, end: int) -> bytes:
        return bytes(self._audio[start - self._kept_from : end - self._kept_from])

    def _hear(self, window: Window) -> None:
        self._judged += WINDOW
        for decision in self._segmenter.hear(window):
            self._act(decision)
        needed_from = self._segmenter.needed_from
        del self._audio[: needed_from - self._kept_from]
        self._kept_from = needed_from

    def _act(self, decision: Decision) -> None:
        if isinstance(decision, Guess):
            urgency = Urgency.LIKELY_FINAL if decision.likely_final else Urgency.INTERIM
            self._guess = self._decode(urgency, decision)
        elif isinstance(decision, Finish):
            self._close_utterance(decision)
        else:
            self._voice = isinstance(decision, SpeechStarted)
            self._emit(decision)

    def _close_utterance(self, finish: Finish) -> None:
        job = self._guess
        if job is not None and not job.shed and (job.span.start, job.span.end) == (finish.start, finish.end):
            job.urgency = Urgency.FINAL
        else:
            job = self._decode(Urgency.FINAL, finish)
        self._guess = None
        self._finals.append((job, finish))
        self._settle()

    def _decode(self, urgency: Urgency, span: Guess | Finish) -> Job:
        job = Job(self.name, urgency, span, self._slice(span.start, span.end), self._decoded)
        self._decoders.submit(job)
        return job

    def _decoded(self, job: Job) -> None:
        if job.urgency is Urgency.FINAL:
            self._settle()
            return
        is_open = self._guess is not None and job.span.start == self._guess.span.start
        # With two decoders an older guess may come after a newer one.
        if job.text and is_open and job.span.end > self._shown:
            self._shown = job.span.end
            # The words of a pause; the voice may have gone on while they were decoded.
            stable = job.urgency is Urgency.LIKELY_FINAL and not self._voice
            self._emit(Interim(job.text, job.span.started_ms, stable))

    def _settle(self) -> None:
        """Give out the finals whose words are there, in the order in which they were said."""
        while self._finals and (text := self._finals[0][0].text) is not None:
            _, finish = self._finals.popleft()
            self._emit(Final(text, finish.started_ms, finish.ended_ms))
        if self._drained and not self._finals:
            self.end()

    def _emit(self, event: RecognitionEvent) -> None:
        if self._ended:
            return
        if isinstance(event, Interim) and self._events and isinstance(self._events[-1], Interim):
            self._events.pop()
        self._events.append(event)
        self._news.set()
