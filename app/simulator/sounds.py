"""Sounds that are no words, and noises, made in code: 8 kHz μ-law, the same in every run.

They are sketches of the real thing, with its length, its envelope and where in the band its energy lies: what
tells a cough from a voice. All are made at the loudness of a voice; `at_level` changes that.
"""

from __future__ import annotations

import audioop
import math
import random
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from app.simulator.listening import AUDIBLE_RMS, loudness
from app.simulator.wire import FRAME_BYTES

RATE = 8000
VOICE_RMS = 1642
"""−26 dB below full scale, the nominal level of active speech in telephone networks (ITU-T P.56, G.115)."""
LOOP_SECONDS = 8
"""Noises repeat after that."""

Samples = list[float]


def sound(name: str) -> bytes:
    """One of `SOUNDS`."""
    return at_level(_ulaw(_SOUNDS[name](random.Random(name))), 0)  # noqa: S311


@cache
def noise(name: str) -> bytes:
    """One of `NOISES`: a loop of `LOOP_SECONDS`, as loud on average as a voice."""
    return at_level(_ulaw(_NOISES[name](random.Random(name))), 0)  # noqa: S311


def at_level(audio: bytes, decibels: float) -> bytes:
    """μ-law made so much louder than a nominal voice; measured where it is audible."""
    frames = [audio[at : at + FRAME_BYTES] for at in range(0, len(audio), FRAME_BYTES)]
    levels = [level for level in map(loudness, frames) if level >= AUDIBLE_RMS]
    if not levels:
        return audio
    rms = math.sqrt(sum(level * level for level in levels) / len(levels))
    return louder(audio, decibels + 20 * math.log10(VOICE_RMS / rms))


def louder(audio: bytes, decibels: float) -> bytes:
    """μ-law times a factor, clipped as a microphone clips."""
    linear = audioop.mul(audioop.ulaw2lin(audio, 2), 2, 10 ** (decibels / 20))
    return audioop.lin2ulaw(linear, 2)


def muffled(audio: bytes) -> bytes:
    """What a bad mobile connection leaves: 12 dB an octave less above 1.2 kHz."""
    samples = array("h", audioop.ulaw2lin(audio, 2))
    return _ulaw(_low_pass(_low_pass(samples, 1200), 1200))


def _ulaw(samples: Iterable[float]) -> bytes:
    clipped = array("h", (max(-32768, min(32767, round(value))) for value in samples))
    return audioop.lin2ulaw(clipped.tobytes(), 2)


def _low_pass(samples: Iterable[float], hertz: float) -> Samples:
    """One pole: 6 dB an octave."""
    part = 1 - math.exp(-2 * math.pi * hertz / RATE)
    level = 0.0
    out = []
    for value in samples:
        level += part * (value - level)
        out.append(level)
    return out


def _high_pass(samples: Sequence[float], hertz: float) -> Samples:
    return [value - low for value, low in zip(samples, _low_pass(samples, hertz), strict=True)]


def _hiss(random: random.Random, seconds: float) -> Samples:
    return [random.gauss(0, 4000) for _ in range(round(seconds * RATE))]


def _decaying(samples: Sequence[float], seconds: float) -> Samples:
    """Falls to a third in so many seconds."""
    return [value * math.exp(-index / RATE / seconds) for index, value in enumerate(samples)]


def _swelling(samples: Sequence[float]) -> Samples:
    """Rises and falls as half a sine."""
    return [value * math.sin(math.pi * index / len(samples)) for index, value in enumerate(samples)]


def _voiced(start_hertz: float, end_hertz: float, seconds: float, fall: float) -> Samples:
    """Vocal folds on a glide; the harmonics fall with their number to the power of `fall`."""
    count = round(seconds * RATE)
    phase = 0.0
    out = []
    for index in range(count):
        hertz = start_hertz + (end_hertz - start_hertz) * index / count
        phase += 2 * math.pi * hertz / RATE
        harmonics = int(3400 / hertz)
        out.append(5000 * sum(math.sin(phase * n) / n**fall for n in range(1, harmonics + 1)))
    return out


def _added(*tracks: Sequence[float]) -> Samples:
    longest = max(map(len, tracks))
    return [sum(track[index] for track in tracks if index < len(track)) for index in range(longest)]


def _silence(seconds: float) -> Samples:
    return [0.0] * round(seconds * RATE)


def _cough(random: random.Random) -> Samples:
    """Twice: a burst of air, 300 ms of less and less of it, a little voice at the end."""

    def once(strength: float) -> Samples:
        burst = _decaying(_high_pass(_hiss(random, 0.32), 400), 0.07)
        voice = [0.25 * value for value in _swelling(_voiced(190, 130, 0.12, 1.2))]
        return [strength * value for value in _added(burst, [*_silence(0.18), *voice])]

    return [*once(1.0), *_silence(0.12), *once(0.7)]


def _click(random: random.Random) -> Samples:
    tick = _decaying(_high_pass(_hiss(random, 0.02), 1000), 0.003)
    return [*tick, *_silence(0.06), *(0.6 * value for value in tick)]


def _typing(random: random.Random) -> Samples:
    keys: Samples = []
    for _ in range(9):
        stroke = random.uniform(0.5, 1.0)
        tick = _decaying(_high_pass(_hiss(random, 0.03), 700), 0.006)
        keys += [*(stroke * value for value in tick), *_silence(random.uniform(0.08, 0.22))]
    return keys


def _breath(random: random.Random) -> Samples:
    return _swelling(_low_pass(_high_pass(_hiss(random, 0.7), 600), 2200))


def _slam(random: random.Random) -> Samples:
    thump = [12000 * math.sin(2 * math.pi * 90 * index / RATE) for index in range(RATE // 3)]
    return _added(_decaying(thump, 0.06), _decaying(_low_pass(_hiss(random, 0.3), 900), 0.04))


def _laugh(random: random.Random) -> Samples:
    """Five times "ha", lower and softer each time: a breathy voice through an open mouth."""
    out: Samples = []
    for number in range(5):
        air = [0.3 * value for value in _high_pass(_hiss(random, 0.06), 500)]
        breath = [0.8 * value for value in _hiss(random, 0.1)]
        voice = _open_mouth(
            _swelling(_added(_voiced(280 - 14 * number, 225 - 14 * number, 0.1, 0.9), breath))
        )
        out += [*air, *(value * 0.8**number for value in voice), *_silence(0.04)]
    return out


def _open_mouth(samples: Samples) -> Samples:
    """With the resonances of an "a"."""
    return _added(
        *(_resonance(samples, hertz, width) for hertz, width in ((780, 130), (1250, 160), (2600, 250)))
    )


def _resonance(samples: Samples, hertz: float, width: float) -> Samples:
    """Two poles, as loud at their frequency as what comes in."""
    radius = math.exp(-math.pi * width / RATE)
    turn = 2 * radius * math.cos(2 * math.pi * hertz / RATE)
    gain = (1 - radius) * math.sqrt(1 - 2 * radius * math.cos(4 * math.pi * hertz / RATE) + radius * radius)
    one = two = 0.0
    out = []
    for value in samples:
        one, two = gain * value + turn * one - radius * radius * two, one
        out.append(one)
    return out


def _mm_hm(random: random.Random) -> Samples:
    """Mouth closed: little above the third harmonic; the second half higher than the first."""
    first = _swelling(_voiced(185, 165, 0.22, 2.2))
    air = [0.1 * value for value in _low_pass(_hiss(random, 0.05), 800)]
    return [*first, *air, *_swelling(_voiced(195, 225, 0.28, 2.2))]


def _white(random: random.Random) -> Samples:
    return _hiss(random, LOOP_SECONDS)


def _street(random: random.Random) -> Samples:
    """Tyres and engines: a low rush that swells and fades as cars pass, and once somebody hoots."""
    rush = _low_pass(_low_pass(_hiss(random, LOOP_SECONDS), 500), 900)
    cars = [1.1 + math.sin(2 * math.pi * index / RATE * 3 / LOOP_SECONDS) for index in range(len(rush))]
    hoot = [0.12 * value for value in _added(_voiced(410, 410, 0.5, 1), _voiced(520, 520, 0.5, 1))]
    return _added([value * car for value, car in zip(rush, cars, strict=True)], [*_silence(5.2), *hoot])


def _hum(_random: random.Random) -> Samples:
    """50 Hz mains with odd harmonics."""
    return [
        sum(4000 / n * math.sin(2 * math.pi * 50 * n * index / RATE) for n in (1, 3, 5, 7, 9))
        for index in range(LOOP_SECONDS * RATE)
    ]


def _babble(random: random.Random) -> Samples:
    """A room full of people: seven voices with syllables of their own, of which none can be understood."""

    def voice(hertz: float) -> Samples:
        out: Samples = []
        while len(out) < LOOP_SECONDS * RATE:
            glide = hertz * random.uniform(0.85, 1.2)
            syllable = _swelling(_voiced(glide, glide * 0.95, random.uniform(0.09, 0.25), 1.1))
            hertz_cut = random.uniform(500, 2500)
            out += [*_low_pass(syllable, hertz_cut), *_silence(random.uniform(0.0, 0.15))]
        return out[: LOOP_SECONDS * RATE]

    return _added(*(voice(hertz) for hertz in (95, 110, 125, 140, 175, 200, 230)))


def _music(_random: random.Random) -> Samples:
    """Waiting music: a chord a second."""
    out: Samples = []
    for root in (262, 220, 175, 196) * (LOOP_SECONDS // 4):
        tones = (_voiced(root * step, root * step, 1.0, 2.0) for step in (1, 1.26, 1.5))
        out += _decaying(_added(*tones), 0.7)
    return out


_SOUNDS: dict[str, Callable[[random.Random], Samples]] = {
    "cough": _cough,
    "click": _click,
    "mm-hm": _mm_hm,
    "breath": _breath,
    "laugh": _laugh,
    "slam": _slam,
    "typing": _typing,
}
_NOISES: dict[str, Callable[[random.Random], Samples]] = {
    "white": _white,
    "street": _street,
    "babble": _babble,
    "hum": _hum,
    "music": _music,
}
SOUNDS = tuple(_SOUNDS)
NOISES = tuple(_NOISES)
