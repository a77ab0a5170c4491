"""MediaStreamConnection: one call's recent audio, transcript, statistics and events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from app import metrics
from app.conversation.transcript import Speaker, Transcript, TranscriptLine
from app.media_stream.audio import BYTES_PER_MS, RecentAudio

RECENT_AUDIO_BYTES = 30_000 * BYTES_PER_MS
"""Half a minute: enough to hear again what a recogniser lost, 240 KB a call."""

EndReason = Literal[
    "caller_hung_up",
    "agent_hung_up",
    "transferred",
    "connection_lost",
    "status_callback",
    "idle",
    "max_duration",
    "flooded",
    "server_stopped",
    "error",
]

Event = Literal["audio_chunk", "transcript", "dtmf"]


class Stats(msgspec.Struct):
    """What a call amounted to. `buffer_size` is in bytes, `latencies` in milliseconds by stage."""

    audio_chunks_received: int = 0
    bytes_received: int = 0
    transcript_lines_received: int = 0
    duration_ms: int = 0
    buffer_size: int = 0
    audio_chunks_dropped: int = 0
    protocol_errors: dict[str, int] = {}
    interruptions: int = 0
    latencies: list[dict[str, int]] = []


class MediaStreamConnection:
    """One call while its stream is open. Everything here is synchronous and belongs to the event loop."""

    def __init__(
        self,
        call_sid: str,
        user_id: str | None = None,
        history: tuple[TranscriptLine, ...] = (),
        first_seq: int = 0,
        max_buffer_bytes: int = RECENT_AUDIO_BYTES,
    ) -> None:
        self.call_sid = call_sid
        self.user_id = user_id
        self.audio = RecentAudio(max_buffer_bytes)
        self.transcript = Transcript(self._written, history, first_seq)
        self.ended: asyncio.Future[EndReason] = asyncio.get_running_loop().create_future()
        """Done once the call is over, with the first reason given."""
        self.ended_at: datetime | None = None
        self.gone = asyncio.Event()
        """Set once nothing of it is left and all of it is written down."""
        self._started = self._last_audio = time.monotonic()
        self._listeners: dict[Event, list[Callable[[Any], None]]] = {}
        self._stats = Stats()
        self._counted = self._dropped = 0

    def on(self, event: Event, listener: Callable[[Any], None]) -> None:
        """Have `listener` called, synchronously, with each chunk (bytes), line (TranscriptLine) or digit."""
        self._listeners.setdefault(event, []).append(listener)

    def emit(self, event: Event, value: object) -> None:
        for listener in self._listeners.get(event, ()):
            listener(value)

    def add_audio_chunk(self, payload: bytes) -> None:
        """Take μ-law audio from the caller. Called for every frame."""
        self._stats.audio_chunks_received += 1
        self._stats.bytes_received += len(payload)
        self._last_audio = time.monotonic()
        self.audio.append(payload)
        self.emit("audio_chunk", payload)

    def add_transcript_line(
        self,
        text: str,
        is_final: bool,
        *,
        speaker: Speaker = "user",
        confidence: float | None = None,
        started_ms: int | None = None,
        ended_ms: int | None = None,
        interrupted: bool = False,
    ) -> TranscriptLine:
        """Write a line, or the newest version of the speaker's line that is not final yet."""
        now = self.now_ms()
        return self.transcript.write(
            speaker,
            text,
            is_final=is_final,
            started_ms=now if started_ms is None else started_ms,
            ended_ms=now if ended_ms is None else ended_ms,
            confidence=confidence,
            interrupted=interrupted,
        )

    def _written(self, line: TranscriptLine) -> None:
        if line.is_final:
            self._stats.transcript_lines_received += 1
        self.emit("transcript", line)

    def count_protocol_error(self, name: str) -> int:
        """Returns how many of this name there have been."""
        metrics.PROTOCOL_ERRORS.labels(error=name).inc()
        errors = self._stats.protocol_errors
        errors[name] = errors.get(name, 0) + 1
        return errors[name]

    def count_frames(self) -> None:
        """Add the frames since the last time, and those dropped, to the metrics, whose lock costs more than a
        frame."""
        metrics.FRAMES_IN.inc(self._stats.audio_chunks_received - self._counted)
        metrics.CHUNKS_DROPPED.inc(self.audio.dropped - self._dropped)
        self._counted, self._dropped = self._stats.audio_chunks_received, self.audio.dropped

    def now_ms(self) -> int:
        """Milliseconds since the stream's start."""
        return int((time.monotonic() - self._started) * 1000)

    def idle_seconds(self) -> float:
        """How long nothing has been heard from the line, not even silence."""
        return time.monotonic() - self._last_audio

    @property
    def stats(self) -> Stats:
        """The statistics up to now."""
        self._stats.duration_ms = self.now_ms()
        self._stats.buffer_size = self.audio.size
        self._stats.audio_chunks_dropped = self.audio.dropped
        return self._stats

    def close(self, reason: EndReason) -> None:
        """End the call. Only the first reason counts; whoever owns the call's tasks waits for `ended`."""
        if not self.ended.done():
            self.ended_at = datetime.now(UTC)
            self.ended.set_result(reason)
