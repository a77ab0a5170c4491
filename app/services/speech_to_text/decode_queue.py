"""What waits to be decoded, and what goes first. No I/O.

Finals come before guesses: a guess is worth nothing once the next one is due, while a final is what was
said. So when recognition falls behind, guesses are what is dropped.
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from app.services.speech_to_text.segmenter import Finish, Guess

CAPACITY = 256
"""Utterances of up to 15 s, 120 kB each: 30 MB at most."""


class Urgency(enum.IntEnum):
    """Why something is decoded; the smallest goes first."""

    FINAL = 0
    LIKELY_FINAL = 1
    INTERIM = 2


class Job:
    """One decode: a stretch of audio in, `text` out.

    `on_done(job)` is called once `text` is there; never for a job that was `shed`.
    """

    __slots__ = ("audio", "on_done", "shed", "span", "stream", "text", "tries", "urgency")

    def __init__(
        self,
        stream: str,
        urgency: Urgency,
        span: Guess | Finish,
        audio: bytes,
        on_done: Callable[[Job], None],
    ) -> None:
        self.stream = stream
        self.urgency = urgency
        """May rise while the job waits or runs: a guess becomes the final if nothing more is said."""
        self.span = span
        self.audio = audio
        self.on_done = on_done
        self.text: str | None = None
        self.tries = 0
        self.shed = False

    def finish(self, text: str) -> None:
        """The words are there."""
        self.text = text
        self.audio = b""
        self.on_done(self)


class DecodeQueue:
    """Bounded: when it is full, the least urgent and oldest job makes room."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._jobs: list[Job] = []
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> Job | None:
        """Add a job. Returns the one that was shed for it, if any.

        Any job takes the place of its stream's waiting guess: it covers the same words and more.
        """
        waiting = [other for other in self._jobs if other.stream == job.stream and _is_guess(other)]
        victim: Job | None = None
        if waiting:
            victim = waiting[0]
        elif len(self._jobs) >= self._capacity:
            victim = max([*self._jobs, job], key=lambda other: other.urgency)
        self._jobs.append(job)
        if victim is not None:
            self._jobs.remove(victim)
            victim.shed = True
        return victim

    def take(self) -> Job:
        """The most urgent job, the oldest of its kind.

        Raises:
            ValueError: the queue is empty.
        """
        job = min(self._jobs, key=lambda other: other.urgency)
        self._jobs.remove(job)
        return job

    def discard(self, stream: str) -> None:
        """Forget what a stream wanted."""
        self._jobs = [job for job in self._jobs if job.stream != stream]


def _is_guess(job: Job) -> bool:
    return job.urgency is not Urgency.FINAL
