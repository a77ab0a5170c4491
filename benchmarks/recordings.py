"""Recordings as files: mono WAV of 16 bits."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from sounds import RATE, Sound


def read(path: Path) -> tuple[Sound, int]:
    """The samples, full scale 1, and how many a second has."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768, file.getframerate()


def read_telephone(path: Path) -> Sound:
    """The samples of one that has RATE a second; ends the program if it has not."""
    sound, rate = read(path)
    if rate != RATE:
        raise SystemExit(f"{path} is not at 8 kHz.")
    return sound


def write(path: Path, sound: Sound) -> None:
    """RATE samples a second, full scale 1, into a folder that need not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
