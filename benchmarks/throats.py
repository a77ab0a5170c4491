"""What throats do besides speaking, synthesised: coughs, sneezes, laughs, sighs, groans. 8 kHz, full scale 1.

Every one is another: rough or clear, high or low, with much air or little. They are for the judge of voices
to be taught with; real ones, which none of these was made after, are the test.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sounds import RATE, Sound, coloured

Formants = list[tuple[float, float, float]]
"""Hz, bandwidth, dB."""


def throat(rng: np.random.Generator, pitch: Sound, formants: Formants, *, rough: float, air: float) -> Sound:
    """Pulses of a moving `pitch` (Hz per sample) and `air` between them, heard through a mouth. `rough`: by
    what share the pulses are irregular, in time and in strength; the rougher, the more often every second one
    is weak."""
    length = len(pitch)
    unsteady = np.interp(
        np.arange(length), np.linspace(0, length, 2 + length // 60), rng.normal(size=2 + length // 60)
    )
    phase = np.cumsum(pitch * np.exp(rough * unsteady)) / RATE
    at = np.flatnonzero(np.diff(np.floor(phase)) > 0)
    strength = np.exp(rough * 2 * rng.normal(size=len(at)))
    if rough > 0.3 * rng.random():
        strength[::2] *= rng.uniform(0.1, 0.9)
    pulses = np.zeros(length)
    pulses[at] = strength
    tilt = np.exp(-np.arange(40) / RATE / rng.uniform(0.0002, 0.0012))
    voice = np.convolve(pulses, tilt)[:length]
    breath = coloured(rng, length, rng.uniform(0, 1.5))
    mixed = voice / (voice.std() + 1e-9) + air * breath / (breath.std() + 1e-9)
    return through(mixed, formants)


def through(sound: Sound, formants: Formants) -> Sound:
    """A sound through a mouth of these resonances."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    gain = sum(10 ** (db / 20) / (1 + ((hertz - at) / (width / 2)) ** 2) ** 0.5 for at, width, db in formants)
    result: Sound = np.fft.irfft(spectrum * gain, len(sound))
    return result / (result.std() + 1e-9)


def mouth(rng: np.random.Generator, openness: float) -> Formants:
    """Of anybody; 0 is nearly closed, 1 wide open. Formants are wide where the throat is."""
    size = rng.uniform(0.85, 1.2)
    return [
        (size * (280 + 500 * openness * rng.uniform(0.7, 1.3)), rng.uniform(70, 250), 0),
        (size * rng.uniform(900, 2000), rng.uniform(100, 350), -20 + 18 * openness * rng.uniform(0.6, 1.1)),
        (size * rng.uniform(2300, 3100), rng.uniform(150, 450), -28 + 20 * openness * rng.uniform(0.5, 1.1)),
    ]


def shaped(sound: Sound, attack: float, decay: float) -> Sound:
    """It begins within `attack` seconds, and fades, by 8.7 dB in every `decay`."""
    at = np.arange(len(sound)) / RATE
    result: Sound = (
        sound * np.minimum(at / attack, 1) * np.exp(-at / decay) * np.minimum((at[-1] - at) / 0.01, 1)
    )
    return result


def samples(seconds: float) -> int:
    return max(80, int(seconds * RATE))


def glide(rng: np.random.Generator, length: int, low: float, high: float) -> Sound:
    """A pitch that bends from somewhere to somewhere else."""
    points = rng.uniform(low, high) * np.cumprod(rng.uniform(0.75, 1.2, size=4))
    result: Sound = np.interp(np.linspace(0, 3, length), range(4), points)
    return result


def joined(parts: list[Sound]) -> Sound:
    return np.concatenate(parts)


def cough(rng: np.random.Generator) -> Sound:
    """A burst of air, a flow of it with more voice or less, perhaps a voice at its end; once or more."""
    parts: list[Sound] = []
    formants, low = mouth(rng, rng.uniform(0.5, 1)), rng.uniform(90, 300)
    for _ in range(int(rng.integers(1, 5))):
        burst = through(coloured(rng, samples(rng.uniform(0.015, 0.07)), rng.uniform(0, 1)), formants)
        flow = samples(rng.uniform(0.06, 0.28))
        voiced = throat(
            rng, glide(rng, flow, low, 1.5 * low), formants, rough=rng.uniform(0.05, 0.5),
            air=rng.choice([0.3, 1, 3]),
        )  # fmt: skip
        parts += [
            shaped(burst, 0.002, rng.uniform(0.02, 0.1)) * rng.uniform(0.5, 3),
            shaped(voiced, 0.01, rng.uniform(0.05, 0.2)),
        ]
        if rng.random() < 0.4:
            tail = samples(rng.uniform(0.04, 0.2))
            voice = throat(
                rng, glide(rng, tail, 0.7 * low, low), formants, rough=rng.uniform(0, 0.3), air=0.3
            )
            parts.append(shaped(voice, 0.01, 0.1) * rng.uniform(0.1, 0.8))
        parts.append(np.zeros(samples(rng.uniform(0.03, 0.4))))
    return joined(parts)


def clearing(rng: np.random.Generator) -> Sound:
    """A throat is cleared: a low voice, rough, behind a mouth that is hardly open."""
    parts: list[Sound] = []
    formants, low = mouth(rng, rng.uniform(0, 0.7)), rng.uniform(50, 220)
    for _ in range(int(rng.integers(1, 4))):
        length = samples(rng.uniform(0.12, 0.6))
        voice = throat(
            rng, glide(rng, length, low, 1.3 * low), formants, rough=rng.uniform(0.05, 0.5),
            air=rng.choice([0.1, 0.5, 1.5]),
        )  # fmt: skip
        flutter = 1 + rng.uniform(0, 0.9) * np.sin(2 * np.pi * rng.uniform(15, 45) * np.arange(length) / RATE)
        parts += [
            shaped(voice * flutter, rng.uniform(0.01, 0.08), rng.uniform(0.1, 0.6)),
            np.zeros(samples(rng.uniform(0.02, 0.25))),
        ]
    return joined(parts)


def sneeze(rng: np.random.Generator) -> Sound:
    """Perhaps a breath and a vowel, then a burst of hissing air, perhaps with a vowel after it."""
    parts: list[Sound] = []
    formants, pitch = mouth(rng, rng.uniform(0.4, 1)), rng.uniform(110, 400)
    if rng.random() < 0.5:
        length = samples(rng.uniform(0.15, 0.5))
        breath = through(coloured(rng, length, rng.uniform(0, 1)), formants)
        parts.append(breath * np.linspace(0, 1, length) * rng.uniform(0.05, 0.3))
    if rng.random() < 0.7:
        length = samples(rng.uniform(0.08, 0.35))
        voice = throat(
            rng, glide(rng, length, pitch, 1.4 * pitch), formants, rough=rng.uniform(0, 0.2),
            air=rng.uniform(0.1, 1),
        )  # fmt: skip
        parts.append(shaped(voice, 0.02, 0.5) * rng.uniform(0.2, 1))
    hiss = coloured(rng, samples(rng.uniform(0.06, 0.4)), 0)
    at = rng.uniform(1200, 3300)
    parts.append(shaped(through(hiss, [(at, rng.uniform(400, 2000), 0), *formants]), 0.004, 0.15) * 1.5)
    if rng.random() < 0.6:
        length = samples(rng.uniform(0.06, 0.3))
        voice = throat(
            rng, glide(rng, length, 0.6 * pitch, pitch), mouth(rng, 0.3), rough=rng.uniform(0, 0.2), air=0.5
        )
        parts.append(shaped(voice, 0.01, 0.15) * rng.uniform(0.2, 1))
    return joined(parts)


def laugh(rng: np.random.Generator) -> Sound:
    """Short vowels, each after a breath, softer and lower one after the other."""
    parts: list[Sound] = []
    pitch, fading = rng.uniform(110, 500), rng.uniform(0.75, 0.98)
    formants, rough, air = mouth(rng, rng.uniform(0.2, 1)), rng.uniform(0, 0.15), rng.uniform(0.05, 0.8)
    for n in range(int(rng.integers(2, 9))):
        length = samples(rng.uniform(0.05, 0.14))
        vowel = throat(rng, glide(rng, length, pitch, 1.1 * pitch), formants, rough=rough, air=air)
        breath = through(coloured(rng, samples(rng.uniform(0.04, 0.15)), rng.uniform(0, 1)), formants)
        parts += [breath * rng.uniform(0.02, 0.3) * fading**n, shaped(vowel, 0.015, 0.2) * fading**n]
        pitch *= rng.uniform(0.88, 1.04)
    return joined(parts)


def sigh(rng: np.random.Generator) -> Sound:
    """Air that is let go, with some voice in it or none."""
    length, formants = samples(rng.uniform(0.3, 1.2)), mouth(rng, rng.uniform(0.1, 1))
    falls = np.linspace(rng.uniform(150, 400), rng.uniform(80, 180), length)
    voice = throat(rng, falls, formants, rough=rng.uniform(0, 0.15), air=rng.choice([0.5, 1.5, 5]))
    return shaped(voice, rng.uniform(0.03, 0.2), rng.uniform(0.2, 0.8))


def groan(rng: np.random.Generator) -> Sound:
    """A vowel of no word that goes on, and changes slowly: a yawn, a moan, a cry."""
    length = samples(rng.uniform(0.5, 1.5))
    pitch = glide(rng, length, 90, rng.choice([300, 900]))
    rough, air, weight = rng.uniform(0, 0.2), rng.uniform(0.05, 1), np.linspace(0, 1, length)
    one, other = (throat(rng, pitch, mouth(rng, rng.random()), rough=rough, air=air) for _ in range(2))
    result: Sound = shaped((1 - weight) * one + weight * other, rng.uniform(0.03, 0.3), rng.uniform(0.5, 2))
    return result


THROATS: dict[str, Callable[[np.random.Generator], Sound]] = {
    "cough": cough,
    "clearing": clearing,
    "sneeze": sneeze,
    "laugh": laugh,
    "sigh": sigh,
    "groan": groan,
}
