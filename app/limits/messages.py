"""How many messages one stream may send. No I/O."""

from __future__ import annotations

from app.limits.rates import TokenBucket

FRAMES_PER_SECOND = 50
LATE_SECONDS = 10
"""Audio that was held up for so long, by the network or by us, is the caller's and comes all at once. (Who
hears nothing for longer hangs up.)"""
PATIENCE_SECONDS = 10
"""So many seconds' worth of messages may be too many before the stream is closed. After an interruption all
marks of the flushed audio come back at once: a few hundred, which is no flood."""


class MessageRate:
    """Twilio sends 50 chunks a second. What exceeds the limit is dropped; who goes on is cut off."""

    def __init__(self, chunks_per_second: int) -> None:
        self.chunks_per_second = chunks_per_second
        self._chunks = TokenBucket(chunks_per_second, chunks_per_second)
        burst = PATIENCE_SECONDS * chunks_per_second
        self._others = TokenBucket(chunks_per_second, burst)
        self._excess = TokenBucket(chunks_per_second / PATIENCE_SECONDS, burst)
        self._late: TokenBucket | None = None
        self.flooded = False
        """Too much for too long: the stream has to end."""

    def start(self, now: float) -> None:
        """From now on there is audio, as long as time passes: what has not come yet may still come."""
        rate = min(FRAMES_PER_SECOND, self.chunks_per_second)
        self._late = TokenBucket(rate, rate * LATE_SECONDS, empty_at=now)

    def chunk(self, now: float) -> bool:
        """Whether an audio chunk may be taken."""
        late = self._late is not None and self._late.take(now)
        return self._chunks.take(now) or late or self._exceed(now)

    def other(self, now: float) -> bool:
        """Whether any other message, good or bad, may be taken."""
        return self._others.take(now) or self._exceed(now)

    def _exceed(self, now: float) -> bool:
        self.flooded = self.flooded or not self._excess.take(now)
        return False
