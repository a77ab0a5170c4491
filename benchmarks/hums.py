"""Hums ("mm", "mm-hm") of people of whom only words are recorded: the nasals of their words, made longer.

A nasal ("no", "nine", "on", "down") is what a hum is made of, in the person's own voice; a hum differs in how
long it lasts and how the pitch moves.
"""

from __future__ import annotations

import numpy as np
from sounds import FRAME, RATE, Sound, band, coloured, envelope

HOP = 80
WINDOW = 240
"""Samples: of a look at how nasal it is, 30 ms."""
SHORTEST = 0.05
"""Seconds of a nasal from which a hum can be made."""


def nasal(sound: Sound) -> Sound | None:
    """The longest stretch of a recording that sounds like a closed mouth, or None."""
    looks = range(0, len(sound) - WINDOW, HOP)
    loudest = max((float(np.square(sound[at : at + WINDOW]).mean()) for at in looks), default=0.0)
    best, begin = (0, 0), None
    for at in [*looks, len(sound)]:
        window = sound[at : at + WINDOW]
        hums = len(window) == WINDOW and np.square(window).mean() > 0.05 * loudest and is_nasal(window)
        if hums and begin is None:
            begin = at
        elif not hums and begin is not None:
            best, begin = max(best, (at - begin, begin)), None
    length, begin = best
    return sound[begin : begin + length + WINDOW - HOP] if length >= SHORTEST * RATE else None


def is_nasal(window: Sound) -> bool:
    """Of a voice, and next to nothing above 700 Hz."""
    power = np.abs(np.fft.rfft(window * np.hanning(len(window)))) ** 2
    hertz = np.fft.rfftfreq(len(window), 1 / RATE)
    low, middle = power[(hertz > 80) & (hertz < 700)].sum(), power[(hertz > 900) & (hertz < 3400)].sum()
    return middle < 0.03 * low and periodicity(window)[0] > 0.7


def periodicity(sound: Sound) -> tuple[float, int]:
    """How alike it is to itself one period later (1: the same), and that period in samples (70 to 400 Hz)."""
    centred = sound - sound.mean()
    alike = np.correlate(centred, centred, "full")[len(sound) - 1 :] / (np.square(centred).sum() + 1e-9)
    lags = np.arange(RATE // 400, min(RATE // 70, len(sound) - 1))
    best = int(lags[np.argmax(alike[lags] / (1 - lags / len(sound)))])
    return float(alike[best] / (1 - best / len(sound))), best


def longer(piece: Sound, length: int, rng: np.random.Generator) -> Sound:
    """To `length` samples: cut from anywhere in it, laid over each other a whole number of periods apart."""
    _, period = periodicity(piece)
    grain = min(len(piece), 4 * period)
    hop = period * max(1, grain // period // 2)
    result = np.zeros(length + grain)
    for at in range(0, length, hop):
        begin = int(rng.integers(0, len(piece) - grain + 1)) // period * period
        result[at : at + grain] += piece[begin : begin + grain] * np.hanning(grain)
    return result[:length]


def bent(sound: Sound, first: float, last: float) -> Sound:
    """Its pitch, and all else, times `first` to begin with and times `last` in the end."""
    at = np.cumsum(np.linspace(first, last, len(sound)))
    return np.interp(at[at < len(sound) - 1], np.arange(len(sound)), sound)


def hummed(piece: Sound, rng: np.random.Generator) -> Sound:
    """One ("mm"), or two with a breath in between ("mm-hm")."""
    parts: list[Sound] = []
    pitch, syllables = rng.uniform(0.8, 1.25), int(rng.integers(1, 3))
    for syllable in range(syllables):
        sound = longer(piece, int(rng.uniform(0.12, 0.4 if syllables == 1 else 0.25) * RATE), rng)
        step = rng.uniform(0.9, 1.3) if syllable else 1.0
        sound = bent(sound, pitch * step, pitch * step * rng.uniform(0.8, 1.2))
        parts.append(sound * envelope(len(sound), rng.uniform(0.01, 0.05), rng.uniform(0.03, 0.1)))
        if syllable < syllables - 1:
            air = band(coloured(rng, int(rng.uniform(0.03, 0.09) * RATE) + FRAME, 1), 200, 2500)
            loud = np.abs(sound).max() * 10 ** (-rng.uniform(15, 35) / 20)
            parts.append(air / np.abs(air).max() * loud)
    return np.concatenate(parts)
