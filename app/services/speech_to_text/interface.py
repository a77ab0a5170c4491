"""What every recogniser gives a call. All times are milliseconds of audio since the stream's first byte."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A voice is heard. `at_ms` is where it began, a little before it was noticed.

    The first of an utterance, or the voice goes on after what seemed to be its end. `words_follow`: its end
    will be told, and will promise its words in the same way.
    """

    at_ms: int
    words_follow: bool = False


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The voice has stopped, be it for a pause: told as soon as it is likely, before the words are final.

    `at_ms` is where the silence began. Between two finals there may be several pairs of start and end.
    `words_follow`: unless the voice goes on, all words up to here come as soon as they are understood, in a
    stable interim or a final. They are worth waiting for, unlike a final that waits for more silence.
    """

    at_ms: int
    words_follow: bool = False


@dataclass(frozen=True, slots=True)
class Interim:
    """A guess at what is being said; the next one replaces it.

    `stable`: the engine expects no other words for the audio so far.
    """

    text: str
    started_ms: int
    stable: bool = False


@dataclass(frozen=True, slots=True)
class Final:
    """What was said between two moments; it will not change. `confidence` is 0–1 where the engine has one.

    An empty text says that a voice was heard and there were no words in it: the interims before it are void.
    """

    text: str
    started_ms: int
    ended_ms: int
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Deafened:
    """Nobody hears the caller now. What is said is kept, and heard once somebody does."""


class RecognitionError(Exception):
    """A recogniser has given up on a stream: iterating it raises this. `unheard_from_ms` is where the audio
    begins that has no final yet, in milliseconds since the stream's first byte; the next recogniser goes on
    from there."""

    def __init__(self, reason: str, unheard_from_ms: int) -> None:
        self.unheard_from_ms = unheard_from_ms
        super().__init__(reason)


RecognitionEvent = SpeechStarted | SpeechEnded | Interim | Final | Deafened


class RecognitionStream(Protocol):
    """One call's recognition: iterate for its events. After `finish` the iteration ends by itself."""

    def push(self, audio: bytes) -> None:
        """Take 8 kHz μ-law audio of any length. Synchronous and short: called for every 20 ms frame."""

    def finish(self) -> None:
        """No more audio will come: what is still open becomes final, then the iteration ends."""

    def __aiter__(self) -> AsyncIterator[RecognitionEvent]: ...


class SpeechToText(Protocol):
    """A recogniser, shared by all calls of a process."""

    name: str

    async def start(self) -> None:
        """Load what is needed. Returns when calls can be taken."""

    async def aclose(self) -> None:
        """Let go of everything; running streams end."""

    @property
    def ready(self) -> bool:
        """Whether a stream opened now would be served."""

    def stream(self, call_sid: str) -> AbstractAsyncContextManager[RecognitionStream]:
        """One call's recognition. Leaving the context frees all it holds, whatever was going on."""
