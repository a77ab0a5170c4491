"""Teach, and test, the judge that tells "yeah" from "no, wait" by how they begin.

    python benchmarks/listening.py DATA [--write app/services/listening/taught/4]

DATA holds recordings (8 kHz WAV, beginning with or after silence), one folder a speaker:

    DATA/asks/SPEAKER/*.wav       somebody who wants to be heard
    DATA/listens/SPEAKER/*.wav    "yeah", "okay", "right", "mm-hm"
    DATA/sounds/SPEAKER/*.wav     what is no voice, or says nothing: laughs, animals, bells
    DATA/noise/*.wav              what is behind them

Each is said on several lines (lines.py), differently loud, fast and coloured, and heard when a call would ask
the judge: as soon as the voice is noticed, and then again and again. Where the detector takes a noise or an
echo for a voice, that is heard as well. A third of the speakers is not taught from: what is printed is of
them, and the judge that does not know them is left in DATA/tested, for benchmarks/floor.py. With --write, all
are taught from and nothing is tested. The three networks of app/services/listening/model.py are taught, one
after the other. Several folders of them, taught with other data or in another --order, may lie side by side:
the judge is the mean of all. docs/evaluation.md says what Offhook's own were taught from.
"""

from __future__ import annotations

import argparse
import os
import random
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from multiprocessing import Pool
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
from barge_in import word_onsets
from lines import OLDEST, Line, Lines
from recordings import read_telephone, write
from sounds import NOT_A_VOICE, RATE, Sound, at_level, band, level, uh_huh
from throats import THROATS

from app.conversation.floor import Certainty
from app.conversation.voice_detector import VoiceEnded, VoiceStarted
from app.conversation.voice_thresholds import JUDGED
from app.services.listening import HEARD_BYTES
from app.services.listening.model import mean_of
from app.services.listening.spectrogram import Floats
from app.services.samples import last

KINDS = ("asks", "listens", "sounds")
TIMES = {"asks": 3, "listens": 6, "sounds": 6}
"""On how many lines each recording is heard."""
MOMENTS = 5
"""How often on each at most."""
AGES = (0.0, 0.16, 0.22, 0.28, 0.34, 0.42, 0.6, 1.0)
"""Seconds since the voice began, in which both sides count the same, and of which is told."""
LOUDER = (3.0, 22.0)
"""Decibels above all else on the line."""
FOLDS = 3
WORDS = int(1.2 * RATE)


@dataclass
class Taken:
    """One recording on one line: what was heard at each moment."""

    kind: str
    speaker: str
    name: str
    ages: list[float]
    heard: list[bytes]
    """HEARD_BYTES each."""


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


@cache
def lines_of(data: Path) -> Lines:
    """Once in every process."""
    return Lines(data)


def take(job: tuple[str, Path, int, Path]) -> Taken | None:
    kind, path, time, data = job
    seed = crc32(f"{path.parent.name}/{path.name} {time}".encode())
    rng, noise = random.Random(seed), np.random.default_rng(seed)
    words = first_words(read_telephone(path), kind, rng)
    if words is None or level(words) < -60:
        return None
    words = otherwise(words, rng, noise)
    line = lines_of(data).saying(words, path.parent.name, rng, noise, length=3.2, louder=LOUDER)
    looks = asked(line)
    before = [look for look in looks if look[0] < line.begins]
    after = [look for look in looks if look[0] > line.begins + 0.1]
    if before and rng.random() < 0.3:
        kind, looks = "sounds", before
    else:
        looks = after
    looks = rng.sample(looks, min(MOMENTS, len(looks)))
    heard = [last(line.heard[: round(now * RATE)], HEARD_BYTES) for now, _ in looks]
    return Taken(kind, path.parent.name, path.name, [age for _, age in looks], heard)


def asked(line: Line) -> list[tuple[float, float]]:
    """When a call would ask the judge on this line, if no answer were enough; how old the voice is then."""
    certainty, detector = Certainty(), line.detector(JUDGED)
    looks: list[tuple[float, float]] = []
    began, look_at = None, 0.0
    for now, audio in line.frames():
        for event in detector.hear(audio, now):
            match event:
                case VoiceStarted(at):
                    began, look_at = at, now
                case VoiceEnded():
                    began = None
        if began is not None and now >= look_at and now - began <= OLDEST:
            looks.append((now, now - began))
            look_at = now + certainty.again
    return looks


def made(folder: Path) -> dict[str, list[Path]]:
    """The sounds of sounds.py and throats.py, as recordings."""
    paths: dict[str, list[Path]] = {"sounds": [], "listens": []}
    kinds = [("sounds", 60, NOT_A_VOICE), ("sounds", 300, THROATS), ("listens", 60, {"uh-huh": uh_huh})]
    for kind, count, sounds in kinds:
        for name, make in sounds.items():
            for n in range(count):
                path = folder / f"made-{n % FOLDS}" / f"{name}-{count}-{n}.wav"
                write(path, at_level(make(np.random.default_rng(n)), -20))
                paths[kind].append(path)
    return paths


def weights_of(kinds: npt.NDArray[np.str_], ages: Floats) -> Floats:
    """At any age both sides count the same in all, however many recordings there are of each."""
    asks, weights = kinds == "asks", np.ones(len(kinds), np.float32)
    for now in aged(ages):
        for side in (asks & now, ~asks & now):
            weights[side] = now.sum() / 2 / side.sum()
    weights[kinds == "sounds"] *= 0.8
    return weights


def aged(ages: Floats) -> list[npt.NDArray[np.bool_]]:
    """Which are of each of AGES."""
    return [(ages >= begin) & (ages < end) for begin, end in pairwise(AGES)]


def fold_of(speaker: str) -> int:
    return crc32(speaker.encode()) % FOLDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", type=Path, help="teach with all speakers, and write it into this folder")
    parser.add_argument("--order", type=int, default=1, help="another shows the same in another order")
    parser.add_argument("--cache", type=Path, help="keep what was heard here, or take it from here")
    arguments = parser.parse_args()
    # Only who teaches needs torch.
    import listening_keywords
    import listening_recogniser
    import listening_teaching
    import listening_tuned

    if arguments.cache and arguments.cache.exists():
        with np.load(arguments.cache) as cache:
            kinds, speakers, names, ages, heard = cache.values()
    else:
        kinds, speakers, names, ages, heard = listen(arguments.data)
        if arguments.cache:
            np.savez(arguments.cache, kinds, speakers, names, ages, heard)
    listens, weights = (kinds != "asks").astype(np.float32), weights_of(kinds, ages)
    tested = np.array([fold_of(speaker) == 0 for speaker in speakers]) & (not arguments.write)
    folder = arguments.write or arguments.data / "tested"
    folder.mkdir(exist_ok=True)
    answers = []
    for network in (listening_keywords, listening_recogniser, listening_tuned):
        print(network.NAME)
        given, rest = network.given(heard), slice(None) if arguments.write else ~tested
        judge = network.teach(given[rest], ages[rest], listens[rest], weights[rest], order=arguments.order)
        network.write(judge, folder / network.NAME)
        if tested.any():
            answers.append(listening_teaching.judged(judge, given[tested], ages[tested]))
    if answers:
        judged = np.vectorize(mean_of)(*answers)
        report(judged, *(column[tested] for column in (kinds, speakers, names, ages)))


def listen(data: Path) -> tuple[npt.NDArray, ...]:  # type: ignore[type-arg]
    recordings = {kind: sorted((data / kind).rglob("*.wav")) for kind in KINDS}
    for kind, paths in made(data / "made").items():
        recordings[kind] += paths
    jobs = [
        (kind, path, time, data) for kind in KINDS for path in recordings[kind] for time in range(TIMES[kind])
    ]
    random.Random(1).shuffle(jobs)
    os.environ["OMP_NUM_THREADS"] = "1"
    with Pool() as pool:
        taken = [one for one in pool.imap_unordered(take, jobs, chunksize=16) if one and one.ages]
    kinds, speakers, names = (
        np.repeat([getattr(t, name) for t in taken], [len(t.ages) for t in taken])
        for name in ("kind", "speaker", "name")
    )
    ages = np.array([age for t in taken for age in t.ages], np.float32)
    heard = np.frombuffer(b"".join(h for t in taken for h in t.heard), np.uint8).reshape(-1, HEARD_BYTES)
    return kinds, speakers, names, ages, heard


def report(judged: Floats, kinds, speakers, names, ages) -> None:  # type: ignore[no-untyped-def]
    print(f"{len(np.unique(speakers))} speakers, {len(np.unique(names))} recordings, {len(kinds)} moments")
    print("what is held back, where of those who ask so many are")
    origins = np.array([speaker.split("-")[0] for speaker in speakers])
    for (begin, end), now in zip(pairwise(AGES), aged(ages), strict=True):
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
