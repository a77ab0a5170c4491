"""A call's recognition is opened while its webhook is still answered: it is there with the first word."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.services.speech_to_text.interface import RecognitionStream, SpeechToText

log = logging.getLogger(__name__)

UNCLAIMED_SECONDS = 15.0
"""How long an open stream waits for its call. Twilio connects within a second of the webhook's answer; where
it connects to another process, or the caller has hung up, nobody will come."""
MOST_WAITING = 100
"""Streams that wait at once; a call beyond them opens its own when it comes. A flood of webhooks without
calls must not become one of streams."""


class WarmEars:
    """A recogniser in front of another: `stream` gives a stream that `warm` has opened, or a new one.

    A stream that waits is sent no audio, so its times still begin with the caller's first byte: what keeps
    it open meanwhile is the recogniser's affair, as on a quiet line.
    """

    def __init__(self, ears: SpeechToText, unclaimed_seconds: float = UNCLAIMED_SECONDS) -> None:
        self.name = ears.name
        self._ears = ears
        self._seconds = unclaimed_seconds
        self._waiting: dict[str, _Held] = {}

    async def start(self) -> None:
        """Start the recogniser."""
        await self._ears.start()

    async def aclose(self) -> None:
        """Close what waits, and let go of the recogniser."""
        await asyncio.gather(*(held.close() for held in list(self._waiting.values())))
        await self._ears.aclose()

    @property
    def ready(self) -> bool:
        """Whether a stream opened now would be served."""
        return self._ears.ready

    def warm(self, call_sid: str) -> None:
        """Begin to open the stream of a call that is announced; returns at once. Once is as good as ten
        times."""
        if call_sid in self._waiting or len(self._waiting) >= MOST_WAITING or not self.ready:
            return
        held = self._waiting[call_sid] = _Held(self._ears, call_sid, self._seconds)
        held.task.add_done_callback(lambda _task: self._forget(call_sid, held))

    def _forget(self, call_sid: str, held: _Held) -> None:
        if self._waiting.get(call_sid) is held:
            del self._waiting[call_sid]

    @asynccontextmanager
    async def stream(self, call_sid: str) -> AsyncIterator[RecognitionStream]:
        """One call's recognition. Leaving the context frees all it holds, whatever was going on."""
        held = self._waiting.pop(call_sid, None)
        stream = held.claim() if held else None
        if held is None or stream is None:
            async with self._ears.stream(call_sid) as fresh:
                yield fresh
            return
        try:
            yield stream
        finally:
            await held.close()


class _Held:
    """An open stream, in a task of its own: whoever opens it also closes it."""

    def __init__(self, ears: SpeechToText, call_sid: str, seconds: float) -> None:
        self._stream: RecognitionStream | None = None
        self._patience = asyncio.timeout(seconds)
        self.task = asyncio.create_task(
            self._hold(ears, call_sid), name=f"recognition that waits for {call_sid}"
        )

    def claim(self) -> RecognitionStream | None:
        """The stream; from now on it stays until `close`. None: it is not open yet, or not any more."""
        if self._stream is None or self._patience.expired():
            self.task.cancel()
            return None
        self._patience.reschedule(None)
        return self._stream

    async def close(self) -> None:
        """Returns once nothing of it is left."""
        self.task.cancel()
        await asyncio.wait([self.task])

    async def _hold(self, ears: SpeechToText, call_sid: str) -> None:
        try:
            async with self._patience, ears.stream(call_sid) as self._stream:
                await asyncio.Event().wait()
        except TimeoutError:
            log.info("call %s: nobody came for its recognition; it is closed", call_sid)
        except Exception:
            # The call that comes opens its own, and meets the error where it can be handled.
            log.exception("call %s: its recognition could not be opened ahead", call_sid)
        finally:
            self._stream = None
