"""A frame of the line, as far as it tells of a voice: its pitch, its colour, its steadiness. No I/O."""

from __future__ import annotations

import audioop
from dataclasses import dataclass, replace

import numpy as np

from app.conversation.echo import COMPARED, Echo, Samples
from app.conversation.noise_floor import NoiseFloor
from app.conversation.voice_thresholds import Thresholds
from app.conversation.voicing import WINDOW, Spectrum, Voicing, judge, likeness, spectrum_of, total

FRAME = 160
"""Samples, 20 ms."""
FRAME_SECONDS = FRAME / 8000


@dataclass(slots=True)
class HeardFrame:
    """What is known of one."""

    power: float
    active: bool = False
    """It is louder than what was expected."""
    periodic: bool = False
    """It has a pitch."""
    voiced: bool = False
    """Its pitch follows from that before, and moves."""
    open: bool = False
    """It has a pitch, and comes from an open mouth."""
    airy: bool = False
    """It has no pitch, and sounds like a consonant."""
    steady: bool = False
    """It is of a tone, and so were the frames before it."""
    repeats: float = 0.0
    """How much of it repeats with its pitch."""
    motion: float = 0.0
    """By what share the pitch rose."""
    alike: float = 0.0
    """How alike its spectrum is to that before."""


class FrameJudge:
    """Judges the frames of one call, each by those before it."""

    def __init__(self, thresholds: Thresholds, echo: Echo) -> None:
        self._numbers = thresholds
        self._echo = echo
        self._noise = NoiseFloor()
        self._recent = bytearray(2 * COMPARED)
        self._previous: Spectrum | None = None
        self._pitch = self._pitch_until = 0.0
        self._tone_until = 0.0
        self._slid = 0
        """For how many frames the pitch has risen; negative: fallen."""
        self._learn_in = 0
        self._latest, self._remained = HeardFrame(0.0), 1.0
        """The latest frame that was looked at, and the share of its power that was not expected."""
        self._looked = False
        """Whether that is the frame before."""

    @property
    def recent(self) -> Samples:
        """The last COMPARED samples."""
        return np.frombuffer(self._recent, np.int16).astype(np.float64)

    def hear(self, frame: bytes, now: float, *, closely: bool = True) -> HeardFrame:
        """Take the next FRAME samples of 16 bits, which ended `now`.

        Of frames that are not heard `closely` every second one is taken to be as that before it, but for its
        power. Whether a known voice goes on is seen about as well so, for a third less of what a call costs
        most: of 60 recordings with and without noise, 59 have the same voices.
        """
        numbers = self._numbers
        self._recent = self._recent[len(frame) :] + frame
        power = float(audioop.rms(frame, 2)) ** 2
        if self._noise.hear(power):
            self._previous, self._looked = None, False
            self._learn_in -= 1
            if self._learn_in <= 0:
                self._learn_in = 3
                self._noise.learn(bytes(self._recent[-2 * WINDOW :]))
            return HeardFrame(power)
        if power < max(numbers.quietest, numbers.louder * self._noise.power):
            self._previous, self._looked = None, False
            return HeardFrame(power)
        if not closely and self._looked and self._latest.periodic:
            self._looked = False
            return replace(self._latest, power=power * self._remained)
        self._looked = True
        self._latest = self._look(power, now)
        return self._latest

    def _look(self, power: float, now: float) -> HeardFrame:
        rest, self._remained = self._unexpected(now)
        previous, self._previous = self._previous, rest
        if self._remained < self._numbers.remains:
            return HeardFrame(power)
        alike = likeness(previous, rest) if previous is not None else 0.0
        return self._judge(power * self._remained, judge(rest), alike, now)

    def _unexpected(self, now: float) -> tuple[Spectrum, float]:
        """The spectrum of the last WINDOW samples without noise and echo, and what share that is."""
        spectrum = spectrum_of(np.frombuffer(self._recent[-2 * WINDOW :], np.int16))
        expected = self._noise.spectrum
        echo = self._echo.expected(now)
        if echo is not None:
            expected = expected + echo
        rest = np.maximum(spectrum - self._numbers.subtract * expected, 0)
        return rest, total(rest) / total(spectrum)

    def _judge(self, power: float, voicing: Voicing, alike: float, now: float) -> HeardFrame:
        numbers = self._numbers
        moves = self._moves(voicing, now)
        steady = False
        if self._slides(moves):
            self._tone_until = 0.0
        elif voicing.tonal > numbers.tonal or alike > numbers.alike:
            # The first frames of the next tone will be in motion, as those of this one were.
            steady, self._tone_until = True, now + numbers.attack * FRAME_SECONDS
        heard = HeardFrame(power, active=True, steady=steady, alike=alike)
        if voicing.periodic < numbers.periodic:
            heard.periodic, heard.airy = voicing.periodic > numbers.weakly, voicing.middle > numbers.airy
            return heard
        heard.periodic = True
        if now < self._tone_until:
            if abs(moves - 1) < numbers.still:
                self._tone_until = now + numbers.attack * FRAME_SECONDS
            return heard
        heard.voiced = 1 / numbers.glide < moves < numbers.glide and abs(moves - 1) > numbers.still
        heard.open = voicing.middle > numbers.middle or (
            voicing.middle > numbers.moving and alike < numbers.moved
        )
        heard.repeats, heard.motion = voicing.periodic, moves - 1
        return heard

    def _moves(self, voicing: Voicing, now: float) -> float:
        """The ratio of the frame's pitch to the pitch before; 0 if there is none, or none before."""
        if voicing.periodic < self._numbers.periodic:
            return 0.0
        moves = _move(self._pitch, voicing.pitch) if now < self._pitch_until else 0.0
        self._pitch, self._pitch_until = voicing.pitch, now + self._numbers.bridge * FRAME_SECONDS
        return moves

    def _slides(self, moves: float) -> bool:
        """Whether the pitch has risen for some frames, or fallen: no tone, even if it is as pure as one."""
        numbers = self._numbers
        step = 0
        if 1 / numbers.glide < moves < numbers.glide and abs(moves - 1) > numbers.slides_by:
            step = 1 if moves > 1 else -1
        self._slid = self._slid + step if step * self._slid > 0 else step
        return abs(self._slid) >= numbers.slides


def _move(before: float, after: float) -> float:
    """The ratio of two pitches, whichever of them may have been taken for its octave."""
    ratio = after / before
    return ratio / 2 if ratio > 1.6 else ratio * 2 if ratio < 0.625 else ratio
