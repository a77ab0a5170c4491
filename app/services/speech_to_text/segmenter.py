"""Where utterances begin and end, and when to decode what. No I/O: one judged window in, decisions out.

Positions are samples since the stream's first byte, 8 to the millisecond; a sample of μ-law is a byte.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from app.services.samples import WINDOW
from app.services.speech_to_text.interface import SpeechEnded, SpeechStarted

SAMPLES_PER_MS = 8
WINDOW_MS = WINDOW // SAMPLES_PER_MS


class Window(NamedTuple):
    """What the VAD says of one window."""

    voice: float
    """Probability of speech, 0–1."""
    level: float
    """Root mean square, 0–1."""


@dataclass(frozen=True, slots=True)
class Endpointing:
    """The numbers, in milliseconds of audio unless they say otherwise.

    The thresholds were set on the recordings in tests/speech, clean and with noise at 15 and 5 dB.
    """

    onset_voice: float = 0.6
    onset_windows: int = 4
    onset_span: int = 5
    """Speech starts when `onset_windows` of the last `onset_span` reach `onset_voice`: 128 ms after the
    first sound. With three windows a mouse click starts it."""
    silence_voice: float = 0.35
    """Below this a window is silent. Lower than `onset_voice`, so that a weak syllable ends nothing."""
    resume_windows: int = 2
    resume_span: int = 3
    """After a pause the voice goes on when `resume_windows` of the last `resume_span` are not silent: sooner
    noticed than a first sound, as whoever waits for the end of the turn must be stopped in time."""
    preroll: int = 200
    """Kept from before the onset, as the VAD misses soft first consonants. Of 100 to 300 ms, 200 gave the
    fewest word errors over six levels and noises (7 %; 300 gave 11 %)."""
    first_interim: int = 600
    interim: int = 1000
    interim_share: float = 0.4
    """An interim comes after `interim`, or after this share of the utterance if that is longer, so that a
    long one does not cost more the longer it is. With it and a `final` of 800, a second of speech is decoded
    3.1 times, as often as with a `final` of 600 and an interim each second; without it 4.7 times."""
    guess: int = 200
    """Silence after which the voice has stopped, and the utterance is decoded as if it were over. A fifth of
    a second is more than the closure of a stop consonant and less than most pauses for thought; with 160
    there are a fifth more ends that are none."""
    final: int = 800
    """Silence after which it is over. Whose turn it is does not wait for this: words understood together are
    understood better. Of the recordings with pauses of 300 to 800 ms in them, 12 % of the words are wrong
    with 600, 9 % with 800 and 900, 10 % with 1000; of those without, 7, 4, 4 and 8 %."""
    longest: int = 15_000
    """An utterance longer than this is cut: decoding more at once loops (measured)."""
    cut_search: int = 5000
    """How far back from there the quietest place is looked for."""


@dataclass(frozen=True, slots=True)
class Guess:
    """Decode this for an interim result. `likely_final`: silence has begun, it may be all."""

    start: int
    end: int
    started_ms: int
    likely_final: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """This is an utterance. After silence it is exactly the last likely final guess."""

    start: int
    end: int
    started_ms: int
    ended_ms: int


Decision = SpeechStarted | SpeechEnded | Guess | Finish


class Onset:
    """Whether a voice has set in: `windows` of the last `span` reach the probability `voice`."""

    def __init__(self, voice: float, windows: int, span: int) -> None:
        self._voice = voice
        self._windows = windows
        self._recent: deque[bool] = deque(maxlen=span)

    def hear(self, window: Window) -> bool:
        """Take the next window; whether the voice is there."""
        self._recent.append(window.voice >= self._voice)
        return sum(self._recent) >= self._windows

    @property
    def lacking(self) -> int:
        """How many windows it takes at least."""
        return max(1, self._windows - sum(self._recent))

    @property
    def age(self) -> int:
        """How many windows ago it began."""
        return len(self._recent) - self._recent.index(True)

    def clear(self) -> None:
        self._recent.clear()


class Segmenter:
    """The state of one stream."""

    def __init__(self, endpointing: Endpointing = Endpointing()) -> None:
        numbers = self._numbers = endpointing
        self._now = 0
        self._first_sound = Onset(numbers.onset_voice, numbers.onset_windows, numbers.onset_span)
        self._resumption = Onset(numbers.silence_voice, numbers.resume_windows, numbers.resume_span)
        self._speaking = False
        """An utterance is open, be it in a pause."""
        self._start = 0
        """Where the utterance's audio begins; in silence, before which nothing may be used again."""
        self._onset = 0
        self._voice_end = 0
        self._next_interim = 0
        self._guess_end: int | None = None
        """Where the audio of the pause's likely final guess ends; None outside a pause."""
        self._levels: deque[float] = deque(maxlen=_samples(endpointing.cut_search) // WINDOW)

    @property
    def needed_from(self) -> int:
        """Audio before this position will not be asked for again."""
        if self._speaking:
            return self._start
        span = self._numbers.onset_span * WINDOW
        return max(self._start, self._now - span - _samples(self._numbers.preroll))

    @property
    def undecided_for(self) -> int:
        """How many windows it takes until something can be decided, whatever is heard in them; at least one.

        The VAD need not be asked any sooner: this costs no time, unlike waiting for a fixed number.
        """
        if not self._speaking:
            return self._first_sound.lacking
        if self._guess_end is not None:
            return min(self._resumption.lacking, self._until(self._voice_end + _samples(self._numbers.final)))
        return self._until(
            min(
                self._next_interim,
                self._start + _samples(self._numbers.longest),
                self._voice_end + _samples(self._numbers.guess),
            )
        )

    def _until(self, position: int) -> int:
        return max(1, math.ceil((position - self._now) / WINDOW))

    def hear(self, window: Window) -> list[Decision]:
        """Take the next window's judgement; say what follows from it, in order."""
        self._now += WINDOW
        self._levels.append(window.level)
        if self._speaking:
            return self._listen_on(window) if self._guess_end is None else self._wait(window)
        if not self._first_sound.hear(window):
            return []
        self._onset = self._now - self._first_sound.age * WINDOW
        self._start = max(self._start, self._onset - _samples(self._numbers.preroll))
        self._begin()
        self._speaking = True
        return [SpeechStarted(_ms(self._onset), words_follow=True)]

    def finish(self) -> list[Decision]:
        """The stream is over: whatever is open ends here."""
        if not self._speaking:
            return []
        if self._guess_end is not None:
            return [self._end(self._guess_end)]
        return [SpeechEnded(_ms(self._voice_end), words_follow=True), self._end(self._now)]

    def _listen_on(self, window: Window) -> list[Decision]:
        numbers = self._numbers
        if window.voice >= numbers.silence_voice:
            self._voice_end = self._now
            if self._now - self._start >= _samples(numbers.longest):
                return [self._cut()]
            return [self._guess()] if self._now >= self._next_interim else []
        if self._now - self._voice_end < _samples(numbers.guess):
            return []
        self._guess_end = self._now
        self._resumption.clear()
        return [SpeechEnded(_ms(self._voice_end), words_follow=True), self._guess(likely_final=True)]

    def _wait(self, window: Window) -> list[Decision]:
        """The voice has stopped: does it go on, or was that all?"""
        if self._resumption.hear(window):
            resumed = self._now - self._resumption.age * WINDOW
            self._voice_end = self._now
            self._guess_end = None
            return [SpeechStarted(_ms(resumed), words_follow=True)]
        if self._guess_end is not None and self._now - self._voice_end >= _samples(self._numbers.final):
            return [self._end(self._guess_end)]
        return []

    def _begin(self) -> None:
        self._voice_end = self._now
        self._guess_end = None
        self._next_interim = self._onset + _samples(self._numbers.first_interim)

    def _guess(self, *, likely_final: bool = False) -> Guess:
        pace = int(self._numbers.interim_share * (self._now - self._start))
        self._next_interim = self._now + max(_samples(self._numbers.interim), pace)
        return Guess(self._start, self._now, _ms(self._onset), likely_final)

    def _end(self, end: int) -> Finish:
        self._speaking = False
        self._guess_end = None
        self._first_sound.clear()
        return self._finish(end, self._voice_end)

    def _cut(self) -> Finish:
        """End an utterance that has become too long where it is quietest, and begin the next one there."""
        levels = list(self._levels)
        # Three windows, a tenth of a second: the length of a gap between words.
        quiet = min(range(1, len(levels) - 1), key=lambda i: sum(levels[i - 1 : i + 2]))
        cut = self._now - (len(levels) - quiet) * WINDOW + WINDOW // 2
        finish = self._finish(cut, cut)
        self._onset = cut
        self._begin()
        return finish

    def _finish(self, end: int, voice_end: int) -> Finish:
        finish = Finish(self._start, end, _ms(self._onset), _ms(voice_end))
        self._start = end
        return finish


def _samples(ms: int) -> int:
    return ms * SAMPLES_PER_MS


def _ms(samples: int) -> int:
    return samples // SAMPLES_PER_MS
