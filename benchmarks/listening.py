"""Teach, and test, the judge that tells "yeah" from "no, wait" by how they begin.

    python benchmarks/listening.py DATA [--write app/services/listening/taught.npz]

DATA holds recordings (8 kHz WAV, beginning with or after silence), one folder a speaker:

    DATA/asks/SPEAKER/*.wav       somebody who wants to be heard
    DATA/listens/SPEAKER/*.wav    "yeah", "okay", "right", "mm-hm"
    DATA/sounds/SPEAKER/*.wav     what is no voice, or says nothing: laughs, animals, bells

Each is heard several times, differently loud, fast and coloured, with noise and the agent's echo, at moments
between 0.1 and 0.6 s after it began. What is printed is of speakers that were not taught from: the three
thirds of them in turn. docs/evaluation.md says what the judge that Offhook comes with was taught from.
"""

from __future__ import annotations

import argparse
import os
import random
import wave
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
from barge_in import encode, word_onsets
from sounds import NOT_A_VOICE, RATE, Sound, at_level, band, coloured, hum, level, street

from app.services.listening.interface import HEARD_BYTES
from app.services.listening.model import Ear, Floats, inputs, judge

KINDS = ("asks", "listens", "sounds")
TIMES = {"asks": 1, "listens": 4, "sounds": 3}
"""How often each recording is heard."""
MOMENTS = ((0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.6))
"""Seconds after the first sound at which it is judged, one of each range."""
FOLDS = 3
WORDS = int(0.9 * RATE)

Numbers = npt.NDArray[np.float64]


@dataclass
class Taken:
    """One recording, heard once: an embedding a moment."""

    kind: str
    speaker: str
    name: str
    moments: list[float]
    heard: list[Floats]


def read(path: Path) -> Sound:
    with wave.open(str(path)) as file:
        if file.getframerate() != RATE:
            raise SystemExit(f"{path} is not at 8 kHz.")
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def first_words(sound: Sound, kind: str, rng: random.Random) -> Sound | None:
    """From a first sound on. Of what asks, any word after a pause is one; "yeah" is all there is."""
    onsets = word_onsets(np.concatenate([np.zeros(800), sound]))
    if not onsets:
        return None
    onset = (rng.choice(onsets) if kind == "asks" else onsets[0]) - 800
    begin = max(0, onset - rng.randrange(160))
    words = sound[begin : begin + WORDS]
    return words if len(words) > 1000 else None


def otherwise(sound: Sound, rng: random.Random) -> Sound:
    """Said a little faster or slower, higher or lower, through another telephone."""
    if rng.random() < 0.6:
        length = int(len(sound) / rng.uniform(0.88, 1.14))
        sound = np.interp(np.linspace(0, len(sound) - 1, length), np.arange(len(sound)), sound)
    if rng.random() < 0.5:
        sound = np.convolve(sound, [1, -rng.uniform(-0.4, 0.7)])
    if rng.random() < 0.3:
        sound = band(sound, rng.choice([150, 250, 300]), rng.choice([2500, 3000, 3400]))
    return sound


def line_with(words: Sound, agents: list[Path], rng: random.Random, noise: np.random.Generator) -> Sound:
    """A second of a call, then the words."""
    loud = rng.uniform(-34, -16)
    line = np.zeros(RATE + WORDS)
    line[RATE : RATE + len(words)] = at_level(words, loud)[: len(line) - RATE]
    line += at_level(coloured(noise, len(line), rng.choice([0, 0.5, 1])), rng.uniform(-72, -52))
    if rng.random() < 0.3:
        background = rng.choice([street, hum, lambda noise: coloured(noise, len(line), 2)])(noise)
        line += at_level(np.resize(background, len(line)), loud - rng.uniform(8, 25))
    if rng.random() < 0.4:
        agent = np.resize(read(rng.choice(agents)), len(line) + RATE)[rng.randrange(RATE) :]
        if agent.std() > 1e-3:
            line += at_level(agent[: len(line)], loud - rng.uniform(10, 26))
    return line


def take(job: tuple[str, Path, int, list[Path]]) -> Taken | None:
    kind, path, time, agents = job
    seed = crc32(f"{path.parent.name}/{path.name} {time}".encode())
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    words = first_words(read(path), kind, rng)
    if words is None or level(words) < -60:
        return None
    line = encode(line_with(otherwise(words, rng), agents, rng, noise))
    moments = [rng.uniform(*between) for between in MOMENTS]
    heard = [ear().hear(line[: RATE + int(at * RATE)][-HEARD_BYTES:]) for at in moments]
    return Taken(kind, path.parent.name, path.name, moments, heard)


def ear(kept: list[Ear] = []) -> Ear:  # noqa: B006  one a process
    if not kept:
        kept.append(Ear())
    return kept[0]


def made(count: int, folder: Path) -> list[Path]:
    """The sounds of sounds.py, as recordings."""
    paths = []
    for n in range(count):
        for name, make in NOT_A_VOICE.items():
            path = folder / f"made-{n % FOLDS}" / f"{name}-{n}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            sound = at_level(make(np.random.default_rng(n)), -20)
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, RATE, 0, "NONE", ""))
                file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
            paths.append(path)
    return paths


def teach(seen: Floats, asks: npt.NDArray[np.bool_], weights: Numbers, seed: int = 0) -> list[Floats]:
    """One hidden layer, by Adam with weight decay, dropout and noise: there are few speakers."""
    rng = np.random.default_rng(seed)
    hidden, kept_share = 192, 0.6
    layers = [
        rng.normal(size=(seen.shape[1], hidden)) / np.sqrt(seen.shape[1] / 2),
        np.zeros(hidden),
        rng.normal(size=hidden) / np.sqrt(hidden),
        np.zeros(()),
    ]
    first, second = [np.zeros_like(layer) for layer in layers], [np.zeros_like(layer) for layer in layers]
    goal, step, epochs, batch = (~asks).astype(float), 0, 30, 256
    for epoch in range(epochs):
        rate = 2e-3 * (1 - epoch / epochs) + 1e-4
        order = rng.permutation(len(seen))
        for begin in range(0, len(seen), batch):
            rows = order[begin : begin + batch]
            w1, b1, w2, b2 = layers
            given = seen[rows] + 0.15 * rng.normal(size=(len(rows), seen.shape[1]))
            active = np.maximum(given @ w1 + b1, 0)
            mask = (rng.random(active.shape) < kept_share) / kept_share
            kept = active * mask
            error = (1 / (1 + np.exp(-(kept @ w2 + b2))) - goal[rows]) * weights[rows] / len(rows)
            back = np.outer(error, w2) * mask * (active > 0)
            slopes = [given.T @ back, back.sum(axis=0), kept.T @ error, error.sum()]
            step += 1
            for n, slope in enumerate(slopes):
                first[n] = 0.9 * first[n] + 0.1 * slope
                second[n] = 0.999 * second[n] + 0.001 * slope**2
                move = first[n] / (1 - 0.9**step) / (np.sqrt(second[n] / (1 - 0.999**step)) + 1e-8)
                decay = 2e-2 * layers[n] if n in (0, 2) else 0.0
                layers[n] = layers[n] - rate * (move + decay)
    return [layer.astype(np.float32) for layer in layers]


def weights_of(kinds: npt.NDArray[np.str_]) -> Numbers:
    """Both sides count the same in all, however many recordings there are of each."""
    asks = kinds == "asks"
    weights = np.where(asks, len(asks) / 2 / asks.sum(), len(asks) / 2 / (~asks).sum())
    weights[kinds == "sounds"] *= 0.8
    return weights


def fold_of(speaker: str) -> int:
    return crc32(speaker.encode()) % FOLDS


def teach_folds(
    seen: Floats, asks: npt.NDArray[np.bool_], weights: Numbers, folds: npt.NDArray[np.int_]
) -> list[list[Floats]]:
    """Each taught without the speakers of its fold."""
    return [teach(seen[folds != fold], asks[folds != fold], weights[folds != fold]) for fold in range(FOLDS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--cache", type=Path, help="keep what was heard here, or take it from here")
    arguments = parser.parse_args()
    if arguments.cache and arguments.cache.exists():
        with np.load(arguments.cache) as cache:
            kinds, speakers, names, moments, heard = (cache[n] for n in ("k", "s", "n", "m", "h"))
    else:
        kinds, speakers, names, moments, heard = listen(arguments.data)
        if arguments.cache:
            np.savez(arguments.cache, k=kinds, s=speakers, n=names, m=moments, h=heard)
    seen, asks, weights = inputs(heard, moments), kinds == "asks", weights_of(kinds)
    folds = np.array([fold_of(speaker) for speaker in speakers])
    judged = np.zeros(len(asks))
    for fold, layers in enumerate(teach_folds(seen, asks, weights, folds)):
        judged[folds == fold] = judge(seen[folds == fold], *layers)
    report(judged, kinds, speakers, names, moments)
    if arguments.write:
        w1, b1, w2, b2 = (layer.astype(np.float16) for layer in teach(seen, asks, weights))
        np.savez_compressed(arguments.write, w1=w1, b1=b1, w2=w2, b2=b2)


def listen(data: Path) -> tuple[npt.NDArray[np.str_], ...]:
    recordings = {kind: sorted((data / kind).rglob("*.wav")) for kind in KINDS}
    recordings["sounds"] += made(40, data / "made")
    agents = [path for path in recordings["asks"] if path.stat().st_size > 3 * 2 * RATE]
    jobs = [
        (kind, path, time, agents)
        for kind in KINDS
        for path in recordings[kind]
        for time in range(TIMES[kind])
    ]
    random.Random(1).shuffle(jobs)
    os.environ["OMP_NUM_THREADS"] = "1"
    with Pool() as pool:
        taken = [one for one in pool.imap_unordered(take, jobs, chunksize=16) if one]
    rows = [
        (t.kind, t.speaker, t.name, at, heard)
        for t in taken
        for at, heard in zip(t.moments, t.heard, strict=True)
    ]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def report(judged: Numbers, kinds, speakers, names, moments) -> None:  # type: ignore[no-untyped-def]
    print(f"{len(np.unique(speakers))} speakers, {len(np.unique(names))} recordings, {len(kinds)} moments")
    print("what is held back, where of those who ask so many are")
    for begin, end in MOMENTS:
        now = (moments >= begin) & (moments < end)
        for share in (0.02, 0.05):
            least = np.quantile(judged[now & (kinds == "asks")], 1 - share)
            held = {kind: (judged[now & (kinds == kind)] > least).mean() for kind in KINDS[1:]}
            print(
                f"  {begin}-{end} s, asks {share:.0%} (above {least:.2f}): "
                + ", ".join(f"{kind} {part:.0%}" for kind, part in held.items())
            )


if __name__ == "__main__":
    main()
