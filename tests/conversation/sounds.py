"""Sounds of a telephone line, made here, and recorded voices. Samples at 8 kHz, full scale 1."""

from __future__ import annotations

import audioop
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.conversation.voice_detector import VoiceDetector, VoiceEnded, VoiceStarted

Sound = npt.NDArray[np.float64]
Heard = list[tuple[VoiceStarted | VoiceEnded, float]]
"""What was told, and when."""

SPEECH = Path(__file__).parents[1] / "speech"


def recording(name: str, db: float = -20) -> Sound:
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return at_level(samples / 32768, db)


def at_level(sound: Sound, db: float) -> Sound:
    """Brought to that many dB of full scale."""
    result: Sound = sound / np.sqrt((sound**2).mean()) * 10 ** (db / 20)
    return result


def silence(seconds: float) -> Sound:
    return np.zeros(int(seconds * 8000))


def noise(seconds: float, db: float, exponent: float = 0, seed: int = 1) -> Sound:
    """Noise whose power falls with frequency to the power of `exponent`."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=int(seconds * 8000)))
    hertz = np.maximum(np.fft.rfftfreq(int(seconds * 8000), 1 / 8000), 40)
    return at_level(np.fft.irfft(spectrum / hertz ** (exponent / 2), int(seconds * 8000)), db)


def tones(seconds: float, db: float, *hertz: float) -> Sound:
    at = np.arange(int(seconds * 8000)) / 8000
    result: Sound = np.sum([np.sin(2 * np.pi * f * at) for f in hertz], axis=0)
    return at_level(result, db)


def click(db: float) -> Sound:
    fading = np.exp(-np.arange(160) / 40)
    return at_level(noise(0.02, -20) * fading, db)


def cough(db: float, seed: int = 1) -> Sound:
    """An explosion and a rush of air."""
    parts = [noise(0.05, -10, 0.7, seed), noise(0.2, -18, 1, seed) * np.exp(-np.arange(1600) / 900)]
    return at_level(np.concatenate(parts), db)


def mm_hm(db: float, pitch: float, pulse: float = 0.22, wavers: float = 0.0) -> Sound:
    """Two pulses of a voice through the nose, the second higher; its pitch wavers by that share."""
    parts = []
    for higher in (1.0, 1.15):
        at = np.arange(int(pulse * 8000)) / 8000
        bend = 1 + wavers * np.sin(2 * np.pi * 4 * at)
        phase = 2 * np.pi * np.cumsum(pitch * higher * np.linspace(1, 1.1, len(at)) * bend) / 8000
        hum = sum(np.sin(n * phase) / (1 + ((n * pitch - 260) / 60) ** 2) for n in range(1, 14))
        parts += [hum * np.sin(np.pi * at / pulse) ** 0.5, silence(0.06)]
    return at_level(np.concatenate(parts), db)


def echo(sent: Sound, loss_db: float, seconds: float) -> Sound:
    """What was sent, late and weaker, through the band of a telephone and a loudspeaker that gives way."""
    spectrum = np.fft.rfft(sent)
    hertz = np.fft.rfftfreq(len(sent), 1 / 8000)
    spectrum[(hertz < 300) | (hertz > 3000)] = 0
    back = np.fft.irfft(spectrum, len(sent))
    limit = 0.5 * np.abs(back).max()
    back = limit * np.tanh(back / limit) * 10 ** (-loss_db / 20)
    return np.concatenate([silence(seconds), back])


def together(*sounds: tuple[float, Sound], hiss: float = -62) -> Sound:
    """Each sound from its second on, on a line that is never quite silent; half a second more at the end."""
    length = max(int(at * 8000) + len(sound) for at, sound in sounds) + 4000
    line = noise(length / 8000, hiss)[:length]
    for at, sound in sounds:
        begin = int(at * 8000)
        line[begin : begin + len(sound)] += sound
    return line


def encoded(sound: Sound) -> bytes:
    pcm = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    result: bytes = audioop.lin2ulaw(pcm, 2)
    return result


def decoded(audio: bytes) -> Sound:
    """Of 8 kHz μ-law."""
    return np.frombuffer(audioop.ulaw2lin(audio, 2), "<i2") / 32768


def agent_speaks(detector: VoiceDetector, sound: Sound, audible_at: float) -> None:
    """Sent in pieces of 400 ms, all of it at once."""
    audio = encoded(sound)
    for begin in range(0, len(audio), 3200):
        detector.sent(audio[begin : begin + 3200], audible_at + begin / 8000)


def listen(detector: VoiceDetector, line: Sound, chunk: int = 160, begins: float = 0.0) -> Heard:
    """The line, from second `begins` on, in chunks of that many samples."""
    audio = encoded(line)
    heard: Heard = []
    for begin in range(0, len(audio), chunk):
        now = begins + min(begin + chunk, len(audio)) / 8000
        heard += [(event, now) for event in detector.hear(audio[begin : begin + chunk], now)]
    return heard


def starts(heard: Heard) -> list[float]:
    """When each voice was told of."""
    return [now for event, now in heard if isinstance(event, VoiceStarted)]
