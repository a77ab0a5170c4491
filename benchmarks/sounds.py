"""Sounds of a telephone line, synthesised: noises, coughs, keys, hums. Samples at 8 kHz, full scale 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float64]

RATE = 8000
FRAME = 160


def seconds(sound: Sound) -> float:
    return len(sound) / RATE


def level(sound: Sound) -> float:
    """dB of full scale, over the parts that are not silent: what a meter shows while somebody speaks."""
    frames = np.resize(sound, -(-len(sound) // FRAME) * FRAME).reshape(-1, FRAME)
    power = (frames**2).mean(axis=1)
    active = power[power > power.max() * 1e-3]
    return float(10 * np.log10(active.mean() + 1e-12))


def at_level(sound: Sound, db: float) -> Sound:
    result: Sound = sound * 10 ** ((db - level(sound)) / 20)
    return result


def band(sound: Sound, low: float, high: float) -> Sound:
    """Steep band-pass."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    gain = 1 / (1 + (low / np.maximum(hertz, 1)) ** 8) / (1 + (hertz / high) ** 12)
    result: Sound = np.fft.irfft(spectrum * gain, len(sound))
    return result


def coloured(rng: np.random.Generator, length: int, exponent: float) -> Sound:
    """Noise whose power falls with frequency to the power of `exponent`: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.normal(size=length))
    hertz = np.maximum(np.fft.rfftfreq(length, 1 / RATE), 40)
    result: Sound = np.fft.irfft(spectrum / hertz ** (exponent / 2), length)
    return result


def tones(length: int, *hertz: float) -> Sound:
    at = np.arange(length) / RATE
    result: Sound = np.sum([np.sin(2 * np.pi * f * at) for f in hertz], axis=0)
    return result


def voice_source(rng: np.random.Generator, pitch: Sound, formants: list[tuple[float, float, float]]) -> Sound:
    """Harmonics of a moving `pitch` (Hz per sample), shaped by formants (Hz, bandwidth, dB)."""
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.004 * rng.normal(size=len(pitch)).cumsum() * 0.02)) / RATE
    result = np.zeros(len(pitch))
    for n in range(1, 30):
        hertz = n * pitch
        gain = sum(10 ** (db / 20) / (1 + ((hertz - f) / (width / 2)) ** 2) for f, width, db in formants)
        result += np.where(hertz < 3600, gain, 0) * np.sin(n * phase)
    return result


def envelope(length: int, attack: float, decay: float) -> Sound:
    at = np.arange(length) / RATE
    result: Sound = np.minimum(at / attack, 1) * np.minimum((at[-1] - at) / decay, 1)
    return result


NASAL = [(260.0, 90.0, 0.0), (1000.0, 200.0, -26.0), (2200.0, 300.0, -32.0)]
"""A closed mouth: next to nothing above 700 Hz."""
SCHWA = [(560.0, 90.0, 0.0), (1350.0, 140.0, -8.0), (2450.0, 200.0, -16.0)]


def mm_hm(rng: np.random.Generator) -> Sound:
    pitch = rng.uniform(90, 250)
    pulse = rng.uniform(0.12, 0.3)
    parts = []
    for n in range(int(rng.integers(1, 3))):
        length = int(pulse * RATE)
        bend = np.linspace(1, rng.uniform(0.85, 1.25), length)
        hum = voice_source(rng, pitch * (1.15 if n else 1.0) * bend, NASAL)
        parts += [hum * envelope(length, 0.03, 0.06), np.zeros(int(rng.uniform(0.02, 0.1) * RATE))]
    return np.concatenate(parts)


def uh_huh(rng: np.random.Generator) -> Sound:
    pitch = rng.uniform(90, 250)
    parts = []
    for n in range(2):
        length = int(rng.uniform(0.1, 0.18) * RATE)
        bend = np.linspace(1, rng.uniform(0.9, 1.2), length)
        vowel = voice_source(rng, pitch * (1.2 if n else 1.0) * bend, SCHWA) * envelope(length, 0.02, 0.04)
        breath = coloured(rng, int(0.06 * RATE), 0.5)
        parts += [vowel, breath / np.abs(breath).max() * np.abs(vowel).max() * 0.1]
    return np.concatenate(parts[:-1])


def cough(rng: np.random.Generator) -> Sound:
    """Explosion, a rush of air, and often a short rough voice at the end."""
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        burst = coloured(rng, int(rng.uniform(0.03, 0.06) * RATE), 0.7)
        burst *= np.exp(-np.arange(len(burst)) / RATE / 0.02) * 3
        rush = coloured(rng, int(rng.uniform(0.08, 0.25) * RATE), 1.0)
        rush *= np.exp(-np.arange(len(rush)) / RATE / 0.12)
        parts += [burst / burst.std() * 0.5, rush / rush.std() * 0.25]
        if rng.random() < 0.6:
            length = int(rng.uniform(0.04, 0.1) * RATE)
            pitch = np.linspace(rng.uniform(150, 350), rng.uniform(90, 150), length)
            rough = voice_source(rng, pitch * (1 + 0.05 * rng.normal(size=length)), SCHWA)
            rough = rough / rough.std() * 0.15 + coloured(rng, length, 0.5) * 0.1
            parts.append(rough * envelope(length, 0.01, 0.03))
        parts.append(np.zeros(int(rng.uniform(0.05, 0.3) * RATE)))
    return band(np.concatenate(parts), 250, 3300)


def click(rng: np.random.Generator) -> Sound:
    length = int(rng.uniform(0.002, 0.03) * RATE)
    return coloured(rng, length, 0) * np.exp(-np.arange(length) / RATE / 0.006)


def breath(rng: np.random.Generator) -> Sound:
    length = int(rng.uniform(0.3, 0.9) * RATE)
    return band(coloured(rng, length, 0.5), 300, rng.uniform(1500, 3300)) * envelope(length, 0.1, 0.2)


def door(rng: np.random.Generator) -> Sound:
    """A thud: a few damped low resonances, then a rattle."""
    length = int(0.4 * RATE)
    at = np.arange(length) / RATE
    thud = sum(
        np.sin(2 * np.pi * rng.uniform(60, 420) * at) * np.exp(-at / rng.uniform(0.02, 0.09))
        for _ in range(5)
    )
    return thud + coloured(rng, length, 1) / 60 * np.exp(-at / 0.1)


def typing(rng: np.random.Generator) -> Sound:
    parts = []
    for _ in range(int(rng.integers(4, 14))):
        parts += [click(rng) * rng.uniform(0.4, 1), np.zeros(int(rng.uniform(0.05, 0.25) * RATE))]
    return np.concatenate(parts)


def dtmf(rng: np.random.Generator) -> Sound:
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477)
    parts = []
    for _ in range(int(rng.integers(1, 5))):
        length = int(rng.uniform(0.06, 0.3) * RATE)
        parts += [tones(length, rng.choice(rows), rng.choice(columns)), np.zeros(int(0.08 * RATE))]
    return np.concatenate(parts)


def ringing(rng: np.random.Generator) -> Sound:
    pair = [(440.0, 480.0), (400.0, 450.0), (425.0,), (480.0, 620.0), (350.0, 440.0)][int(rng.integers(5))]
    return tones(int(rng.uniform(0.3, 1.5) * RATE), *pair)


def hum(rng: np.random.Generator) -> Sound:
    base = float(rng.choice([50.0, 60.0]))
    return tones(3 * RATE, *[base * n for n in (1, 2, 3, 4, 5, 7) if rng.random() < 0.8])


def melody(rng: np.random.Generator) -> Sound:
    """Music on hold as a telephone system beeps it: a note, with overtones, after the other."""
    parts = []
    for _ in range(8):
        note = 220 * 2 ** (int(rng.integers(0, 20)) / 12)
        length = int(rng.choice([0.15, 0.3, 0.6]) * RATE)
        at = np.arange(length) / RATE
        sound = sum(tones(length, note * n) / n**1.5 for n in range(1, 6)) * np.exp(-at / 0.4)
        parts.append(sound * envelope(length, 0.005, 0.01))
    return np.concatenate(parts)


def street(rng: np.random.Generator) -> Sound:
    """Traffic: brown noise that swells, and a horn now and then."""
    length = 3 * RATE
    swell = 1 + 0.8 * np.sin(2 * np.pi * rng.uniform(0.2, 0.6) * np.arange(length) / RATE + rng.uniform(0, 6))
    sound = coloured(rng, length, 1.5)
    sound = sound / sound.std() * swell
    if rng.random() < 0.3:
        horn = tones(int(0.5 * RATE), 350.0, 440.0, 700.0, 880.0)
        begin = int(rng.integers(0, length - len(horn)))
        sound[begin : begin + len(horn)] += horn * 0.7
    return sound


def steady(exponent: float) -> Callable[[np.random.Generator], Sound]:
    return lambda rng: coloured(rng, 3 * RATE, exponent)


NOT_A_VOICE: dict[str, Callable[[np.random.Generator], Sound]] = {
    "click": click,
    "cough": cough,
    "breath": breath,
    "door": door,
    "typing": typing,
    "keys (DTMF)": dtmf,
    "ringing": ringing,
    "hum": hum,
    "melody": melody,
    "street": street,
    "white noise": steady(0),
    "pink noise": steady(1),
    "brown noise": steady(2),
    "mm-hm": mm_hm,
}
