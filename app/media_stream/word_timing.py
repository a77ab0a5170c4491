"""When each word of a clause is spoken in its audio, from the text and the loudness. No I/O.

The text tells how long the words are against each other, the audio where the voice begins, pauses and ends.
Which pause lies between which words is the cheapest way to lay the one over the other, found by dynamic
programming over the pauses: a stretch of voice should last as long as the words in it, and a pause should be
where punctuation is.
"""

from __future__ import annotations

import audioop
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from app.media_stream.audio import BYTES_PER_MS
from app.media_stream.spoken_length import ends_phrase, spoken_ms

FRAME_MS = 20
FRAME = FRAME_MS * BYTES_PER_MS
QUIET = 0.03
"""Of the loudest frame (−30 dB): below it is no voice, or a consonant's closure."""
PAUSE_MS = 100
"""Shorter gaps are the closures of consonants ("that took": 60–90 ms) and belong to the words."""
MOST_PAUSES = 8
"""The longest are used; the time to find their places grows with the square."""
LEEWAY = 5
"""Words more or fewer than expected that a stretch may hold."""

UNMARKED_PAUSE = 0.5
"""What 100 ms of pause cost where no punctuation is,"""
INSIDE = 0.6
"""and within a word, or between words where the pause is not used."""
PASSED_OVER = 0.2
"""What a punctuation mark without a pause costs. The unit of all is what it costs that a stretch lasts a
third more than its words should, if they should last one second. Twice or half as much changes little."""


class Span(NamedTuple):
    """Milliseconds from the beginning of the clause's audio."""

    start: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.start


class Loudness:
    """The voice's course, from μ-law that comes in pieces: one number per 20 ms."""

    def __init__(self) -> None:
        self._frames: list[int] = []
        self._rest = b""

    def feed(self, audio: bytes) -> None:
        audio = self._rest + audio
        whole = len(audio) - len(audio) % FRAME
        linear = audioop.ulaw2lin(audio[:whole], 2)
        self._frames += [
            audioop.rms(linear[at : at + 2 * FRAME], 2) for at in range(0, len(linear), 2 * FRAME)
        ]
        self._rest = audio[whole:]

    def stretches(self) -> list[Span]:
        """Where there is voice, without the pauses between; nothing if all is silence."""
        floor = max(self._frames, default=0) * QUIET
        spans: list[Span] = []
        for index, level in enumerate(self._frames):
            if level <= floor:
                continue
            at = float(index * FRAME_MS)
            if spans and at - spans[-1].end < PAUSE_MS:
                spans[-1] = Span(spans[-1].start, at + FRAME_MS)
            else:
                spans.append(Span(at, at + FRAME_MS))
        while len(spans) > MOST_PAUSES + 1:
            shortest = min(range(1, len(spans)), key=lambda i: spans[i].start - spans[i - 1].end)
            spans[shortest - 1 : shortest + 1] = [Span(spans[shortest - 1].start, spans[shortest].end)]
        return spans


def word_times(words: Sequence[str], voice: Sequence[Span], pace: float, *, whole: bool) -> list[Span]:
    """When each word is spoken.

    `voice` are the stretches of voice known, at least one. If they are the `whole` clause, the words fill
    them exactly, and the pace follows from that. Else `pace` tells where the words are that have not been
    made yet: milliseconds for each that `spoken_ms` says.
    """
    lengths = [spoken_ms(word) for word in words]
    if whole:
        pace = sum(span.length for span in voice) / sum(lengths)
    lengths = [length * pace for length in lengths]
    times: list[Span] = []
    for span, first, last in _laid_over(words, lengths, voice, whole=whole):
        said, end = lengths[first:last], span.end
        if last == len(words) and not whole:
            # Of the last stretch only the beginning may be known.
            end = max(end, span.start + sum(said))
        times += _spread(said, Span(span.start, end))
    return times


def _spread(lengths: Sequence[float], span: Span) -> list[Span]:
    scale = span.length / (sum(lengths) or 1.0)
    at = span.start
    return [Span(at, at := at + length * scale) for length in lengths]


class _Laid(NamedTuple):
    """The words from `first` up to but not with `last` are spoken in a stretch of voice."""

    span: Span
    first: int
    last: int


class _Way(NamedTuple):
    """One way to lay words over the first stretches."""

    cost: float
    laid: tuple[_Laid, ...]


def _laid_over(
    words: Sequence[str], lengths: Sequence[float], voice: Sequence[Span], *, whole: bool
) -> tuple[_Laid, ...]:
    """The stretches, joined where the pause between lies within a word, and which words are in each."""
    count = len(words)
    before = [0.0, *accumulate(lengths)]
    marks = [0, *accumulate(map(ends_phrase, words))]
    # For each number of stretches, the cheapest way to have said so and so many words in them.
    ways: list[dict[int, _Way]] = [{0: _Way(0.0, ())}]
    for end in range(1, len(voice) + 1):
        is_last = end == len(voice)
        pause = 0.0 if is_last else voice[end].start - voice[end - 1].end
        here: dict[int, _Way] = {}
        for begin in range(end):
            span = Span(voice[begin].start, voice[end - 1].end)
            joined = INSIDE * (span.length - sum(part.length for part in voice[begin:end])) / 100
            for first, way in ways[begin].items():
                likely = min(max(bisect(before, before[first] + span.length), first + 1), count - 1)
                near = range(max(first + 1, likely - LEEWAY), min(count, likely + LEEWAY + 1))
                for last in (count,) if is_last else near:
                    expected = before[last] - before[first]
                    cost = way.cost + joined + PASSED_OVER * (marks[last - 1] - marks[first])
                    if not is_last or whole or span.length > expected:
                        cost += _misfit(span.length, expected)
                    if not ends_phrase(words[last - 1]):
                        cost += UNMARKED_PAUSE * pause / 100
                    if last not in here or cost < here[last].cost:
                        here[last] = _Way(cost, (*way.laid, _Laid(span, first, last)))
        ways.append(here)
    return ways[-1][count].laid


def _misfit(length: float, expected: float) -> float:
    """How unlikely it is that words last `length`. The error of a sum of words grows with its root."""
    difference = (length - expected) / 100
    return difference * difference / (expected / 100 + 1)
