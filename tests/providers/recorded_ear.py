"""A recogniser that knows some recordings by heart and earns each of their words from the audio.

A word is heard when all of its bytes have come on this stream, one after the other: what was left out, sent
twice or put together from two places shows as a word that is missing, doubled, or only a part ("~word").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from app.simulator.listening import voice_span
from tests.providers.google_speech_server import ENDPOINT_MS, Spoken

WINDOW = 16
"""Bytes that tell a place in a recording from all others."""
LEAST_DIFFERENT = 8
"""Different values in such a window; silence has fewer."""
REMEMBERED = 4000
"""Bytes before a place was recognised that may belong to it: the beginning of a word can be very quiet."""


@dataclass(frozen=True)
class Recording:
    audio: bytes
    words: tuple[str, ...]
    bounds: tuple[int, ...]
    """Positions between the words, evenly spaced over the voice."""


@dataclass(frozen=True)
class Place:
    recording: Recording
    position: int


class Recordings:
    """What the recogniser knows. `texts`: the words of each recording, which is 8 kHz μ-law."""

    def __init__(self, texts: Mapping[bytes, str]) -> None:
        self.places: dict[bytes, Place | None] = {}
        for audio, text in texts.items():
            words = tuple(text.split())
            voice = voice_span(audio)
            start, size = voice.start_ms * 8, (voice.end_ms - voice.start_ms) * 8
            bounds = tuple(start + size * at // len(words) for at in range(len(words) + 1))
            recording = Recording(audio, words, bounds)
            for position in range(bounds[0], bounds[-1] - WINDOW):
                window = audio[position : position + WINDOW]
                if len(set(window)) >= LEAST_DIFFERENT:
                    self.places[window] = None if window in self.places else Place(recording, position)

    def ear(self) -> RecordedEar:
        """A stream's recogniser."""
        return RecordedEar(self)


class RecordedEar:
    """Offsets are milliseconds of the stream's own audio."""

    def __init__(self, recordings: Recordings) -> None:
        self._places = recordings.places
        self._at: Place | None = None
        """The next byte expected."""
        self._run = 0
        """Where in the recording what was heard without a gap began."""
        self._told = 0
        """Up to where in the recording words have been told."""
        self._unknown = b""
        self._size = 0
        self._voice = False
        self._voice_end = 0
        self._open: list[Spoken] = []

    @property
    def heard_ms(self) -> int:
        return self._size // 8

    def hear(self, audio: bytes) -> Iterator[tuple[str, Any]]:
        self._unknown += audio
        self._size += len(audio)
        while self._unknown:
            if self._at is None and not self._find():
                break
            yield from self._follow()
        if self._voice and self._size - self._voice_end >= ENDPOINT_MS * 8:
            yield from self._end()

    def finish(self) -> Iterator[tuple[str, Any]]:
        self._lose()
        if self._open:
            yield from self._end()

    def _find(self) -> bool:
        unknown = self._unknown
        for at in range(len(unknown) - WINDOW + 1):
            place = self._places.get(unknown[at : at + WINDOW])
            if place:
                audio, position = place.recording.audio, place.position
                back = 0
                while back < min(at, position) and unknown[at - back - 1] == audio[position - back - 1]:
                    back += 1
                self._at = Place(place.recording, position - back)
                self._run, self._told = position - back, 0
                self._unknown = unknown[at - back :]
                return True
        self._unknown = unknown[-REMEMBERED:]
        return False

    def _follow(self) -> Iterator[tuple[str, Any]]:
        assert self._at is not None
        recording, position = self._at.recording, self._at.position
        expected = recording.audio[position : position + len(self._unknown)]
        size = len(expected)
        if not self._unknown.startswith(expected):
            size = next(at for at in range(size) if expected[at] != self._unknown[at])
        self._unknown = self._unknown[size:]
        self._at = Place(recording, position + size)
        begin = self._size - len(self._unknown) - self._at.position
        """Where in the stream the recording began, or would have."""
        first, last = recording.bounds[0], recording.bounds[-1]
        if not self._voice and self._at.position > first and position < last:
            self._voice = True
            yield "begin", (begin + max(self._run, first)) // 8
        if position < last:
            self._voice_end = begin + min(self._at.position, last)
        yield from self._words(recording, begin, self._at.position)
        if self._unknown or self._at.position == len(recording.audio):
            self._lose()

    def _words(self, recording: Recording, begin: int, until: int) -> Iterator[tuple[str, Any]]:
        """Those that are complete by now, or were when the run began."""
        before = len(self._open)
        for word, (start, end) in zip(recording.words, pairwise(recording.bounds), strict=True):
            if self._told < end <= until and end > self._run:
                text = word if start >= self._run else f"~{word}"
                self._open.append(Spoken(text, (begin + max(start, self._run)) // 8, (begin + end) // 8))
                self._told = end
        if len(self._open) > before:
            yield "interim", list(self._open)

    def _lose(self) -> None:
        """What comes next is not what follows: a word that was begun stays a part."""
        if self._at is None:
            return
        recording, position = self._at.recording, self._at.position
        begin = self._size - len(self._unknown) - position
        for word, (start, end) in zip(recording.words, pairwise(recording.bounds), strict=True):
            if max(start, self._run) < position < end:
                self._open.append(
                    Spoken(f"~{word}", (begin + max(start, self._run)) // 8, (begin + position) // 8)
                )
        self._at = None

    def _end(self) -> Iterator[tuple[str, Any]]:
        if self._voice:
            self._voice = False
            yield "end", self._size // 8
        if self._open:
            yield "final", list(self._open)
            self._open = []
