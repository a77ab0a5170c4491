"""Teach, and test, the judge that tells "yeah" from "no, wait" by how they begin.

    python benchmarks/listening.py DATA [--write app/services/listening/taught.onnx]

DATA holds recordings (8 kHz WAV, beginning with or after silence), one folder a speaker:

    DATA/asks/SPEAKER/*.wav       somebody who wants to be heard
    DATA/listens/SPEAKER/*.wav    "yeah", "okay", "right", "mm-hm"
    DATA/sounds/SPEAKER/*.wav     what is no voice, or says nothing: laughs, animals, bells
    DATA/noise/*.wav              what is behind them

Each is heard several times, differently loud, fast and coloured, with noise and the agent's echo, at moments
between 0.1 and 0.6 s after it began. A third of the speakers is not taught from: what is printed is of them,
and the judge that does not know them is left in DATA/tested.onnx, for benchmarks/floor.py. With --write, all
are taught from and nothing is tested. docs/evaluation.md says what Offhook's own was taught from.
"""

from __future__ import annotations

import argparse
import os
import random
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
from barge_in import encode, word_onsets
from recordings import read_telephone, write
from sounds import NOT_A_VOICE, RATE, Sound, at_level, band, coloured, hum, level, street

from app.services.listening.spectrogram import Floats, spectrogram

KINDS = ("asks", "listens", "sounds")
TIMES = {"asks": 2, "listens": 5, "sounds": 4}
"""How often each recording is heard."""
MOMENTS = ((0.1, 0.16), (0.16, 0.22), (0.22, 0.28), (0.28, 0.34), (0.34, 0.42), (0.42, 0.6))
"""Seconds after the first sound at which it is judged, one of each range."""
FOLDS = 3
WORDS = int(0.9 * RATE)
EPOCHS = 5


@dataclass
class Taken:
    """One recording, heard once: a spectrogram a moment."""

    kind: str
    speaker: str
    name: str
    moments: list[float]
    seen: list[Floats]


@dataclass
class Others:
    """Recordings of what else may be on the line."""

    agents: list[Path]
    noise: list[Path]


def first_words(sound: Sound, kind: str, rng: random.Random) -> Sound | None:
    """From a first sound on. Of what asks, any word after a pause is one; "yeah" is all there is."""
    onsets = word_onsets(np.concatenate([np.zeros(800), sound]))
    if not onsets:
        return None
    onset = (rng.choice(onsets) if kind == "asks" else onsets[0]) - 800
    begin = max(0, onset - rng.randrange(160))
    words = sound[begin : begin + WORDS]
    return words if len(words) > 1000 else None


def otherwise(sound: Sound, rng: random.Random, noise: np.random.Generator) -> Sound:
    """Said faster or slower, higher or lower, in another room, through another telephone."""
    if rng.random() < 0.8:
        length = int(len(sound) / rng.uniform(0.82, 1.22))
        sound = np.interp(np.linspace(0, len(sound) - 1, length), np.arange(len(sound)), sound)
    if rng.random() < 0.6:
        sound = np.convolve(sound, [1, -rng.uniform(-0.5, 0.8)])
    if rng.random() < 0.3:
        # A resonance, or a hole.
        hertz, depth = rng.uniform(300, 3000), rng.choice([-1, 1]) * rng.uniform(0.2, 0.6)
        delay = max(1, int(RATE / hertz / 2))
        sound = np.convolve(sound, [1, *([0] * (delay - 1)), depth])
    if rng.random() < 0.3:
        at = np.arange(int(rng.uniform(0.03, 0.2) * RATE))
        room = noise.normal(size=len(at)) * np.exp(-5 * at / len(at))
        heard = np.convolve(sound, room)[: len(sound)]
        sound = sound + heard * (sound.std() / (heard.std() + 1e-9) * 10 ** (-rng.uniform(6, 16) / 20))
    if rng.random() < 0.3:
        sound = band(sound, rng.choice([150, 250, 300]), rng.choice([2500, 3000, 3400]))
    return sound


def line_with(words: Sound, others: Others, rng: random.Random, noise: np.random.Generator) -> Sound:
    """A second of a call, then the words."""
    loud = rng.uniform(-34, -16)
    line = np.zeros(RATE + WORDS)
    line[RATE : RATE + len(words)] = at_level(words, loud)[: len(line) - RATE]
    line += at_level(coloured(noise, len(line), rng.choice([0, 0.5, 1])), rng.uniform(-72, -52))
    if rng.random() < 0.3:
        background = rng.choice([street, hum, lambda noise: coloured(noise, len(line), 2)])(noise)
        line += at_level(np.resize(background, len(line)), loud - rng.uniform(8, 25))
    elif others.noise and rng.random() < 0.5:
        background = np.roll(read_telephone(rng.choice(others.noise)), rng.randrange(RATE))
        line += at_level(np.resize(background, len(line)), loud - rng.uniform(8, 25))
    if rng.random() < 0.4:
        agent = np.resize(read_telephone(rng.choice(others.agents)), len(line) + RATE)[rng.randrange(RATE) :]
        if agent.std() > 1e-3:
            line += at_level(agent[: len(line)], loud - rng.uniform(10, 26))
    return line


def take(job: tuple[str, Path, int, Others]) -> Taken | None:
    kind, path, time, others = job
    seed = crc32(f"{path.parent.name}/{path.name} {time}".encode())
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    words = first_words(read_telephone(path), kind, rng)
    if words is None or level(words) < -60:
        return None
    line = encode(line_with(otherwise(words, rng, noise), others, rng, noise))
    moments = [rng.uniform(*between) for between in MOMENTS]
    seen = [spectrogram(line[: RATE + int(at * RATE)]) for at in moments]
    return Taken(kind, path.parent.name, path.name, moments, seen)


def made(count: int, folder: Path) -> list[Path]:
    """The sounds of sounds.py, as recordings."""
    paths = []
    for n in range(count):
        for name, make in NOT_A_VOICE.items():
            path = folder / f"made-{n % FOLDS}" / f"{name}-{n}.wav"
            write(path, at_level(make(np.random.default_rng(n)), -20))
            paths.append(path)
    return paths


def weights_of(kinds: npt.NDArray[np.str_]) -> Floats:
    """Both sides count the same in all, however many recordings there are of each."""
    asks = kinds == "asks"
    weights = np.where(asks, len(asks) / 2 / asks.sum(), len(asks) / 2 / (~asks).sum())
    weights[kinds == "sounds"] *= 0.8
    return weights.astype(np.float32)


def fold_of(speaker: str) -> int:
    return crc32(speaker.encode()) % FOLDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", type=Path, help="teach with all speakers, and write it here")
    parser.add_argument("--cache", type=Path, help="keep what was heard here, or take it from here")
    arguments = parser.parse_args()
    # Only who teaches needs torch.
    import listening_network as network

    if arguments.cache and arguments.cache.exists():
        with np.load(arguments.cache) as cache:
            kinds, speakers, names, moments, given = (cache[n] for n in ("k", "s", "n", "m", "g"))
    else:
        kinds, speakers, names, moments, seen = listen(arguments.data)
        given = network.trunk(seen)
        if arguments.cache:
            np.savez(arguments.cache, k=kinds, s=speakers, n=names, m=moments, g=given)
    listens, weights = (kinds != "asks").astype(np.float32), weights_of(kinds)
    if arguments.write:
        network.write(network.teach(given, moments, listens, weights, EPOCHS), arguments.write)
        return
    held_out = np.array([fold_of(speaker) == 0 for speaker in speakers])
    rest = ~held_out
    tested = network.teach(given[rest], moments[rest], listens[rest], weights[rest], EPOCHS)
    network.write(tested, arguments.data / "tested.onnx")
    judged = network.judged(tested, given[held_out], moments[held_out])
    report(judged, *(column[held_out] for column in (kinds, speakers, names, moments)))


def listen(data: Path) -> tuple[npt.NDArray, ...]:  # type: ignore[type-arg]
    recordings = {kind: sorted((data / kind).rglob("*.wav")) for kind in KINDS}
    recordings["sounds"] += made(40, data / "made")
    others = Others(
        [path for path in recordings["asks"] if path.stat().st_size > 3 * 2 * RATE],
        sorted((data / "noise").rglob("*.wav")),
    )
    jobs = [
        (kind, path, time, others)
        for kind in KINDS
        for path in recordings[kind]
        for time in range(TIMES[kind])
    ]
    random.Random(1).shuffle(jobs)
    os.environ["OMP_NUM_THREADS"] = "1"
    with Pool() as pool:
        taken = [one for one in pool.imap_unordered(take, jobs, chunksize=16) if one]
    kinds, speakers, names = (
        np.repeat([getattr(t, name) for t in taken], len(MOMENTS)) for name in ("kind", "speaker", "name")
    )
    moments = np.array([at for t in taken for at in t.moments], np.float32)
    return kinds, speakers, names, moments, np.array([seen for t in taken for seen in t.seen], np.float16)


def report(judged: Floats, kinds, speakers, names, moments) -> None:  # type: ignore[no-untyped-def]
    print(f"{len(np.unique(speakers))} speakers, {len(np.unique(names))} recordings, {len(kinds)} moments")
    print("what is held back, where of those who ask so many are")
    origins = np.array([speaker.split("-")[0] for speaker in speakers])
    for begin, end in MOMENTS:
        now = (moments >= begin) & (moments < end)
        for share in (0.02, 0.05):
            least = np.quantile(judged[now & (kinds == "asks")], 1 - share)
            groups = {kind: kinds == kind for kind in KINDS[1:]}
            groups |= {
                f"{origin}'s": (kinds == "listens") & (origins == origin) for origin in np.unique(origins)
            }
            held = {
                name: (judged[now & group] > least).mean()
                for name, group in groups.items()
                if (now & group).any()
            }
            print(
                f"  {begin}-{end} s, asks {share:.0%} (above {least:.2f}): "
                + ", ".join(f"{name} {part:.0%}" for name, part in held.items())
            )


if __name__ == "__main__":
    main()
