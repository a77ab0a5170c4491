"""How often "yeah" stops the agent, and how fast "no, wait" does: detector, judge and turn-taking together.

    python benchmarks/floor.py DATA [--judge FOLDER] [--cases 400] [--seed 1] [--list]
    python benchmarks/floor.py DATA --judge app/services/listening/taught --said OTHER
    python benchmarks/floor.py DATA --sounds FOLDER

DATA is that of benchmarks/listening.py, which has left the judge that is tested here in it, and the speakers
are those it was not taught from; or another judge hears all speakers of OTHER, laid out as DATA is. Every
case is a stretch of a call (lines.py), the words 5 to 15 dB louder than all else. No words come: who is held
back stays.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from barge_in import last_sound, percentiles
from lines import Line, Lines
from listening import first_words, fold_of
from recordings import read_telephone
from sounds import RATE, seconds

from app.conversation.decisions import Decision
from app.conversation.floor import Floor
from app.conversation.turns import TurnTaking
from app.conversation.voice_thresholds import JUDGED, NUMBERS
from app.services.listening.model import TaughtListening

LENGTH = 4.0
"""Seconds of every case."""


@dataclass
class Said:
    """One case, and what became of it."""

    path: Path
    lasts: float
    after: float | None
    """Seconds from the first sound until the agent was stopped."""


def said(path: Path, kind: str, lines: Lines, judge: TaughtListening | None, seed: str) -> Said | None:
    """None: there is nothing in the recording."""
    rng, noise = random.Random(seed), np.random.default_rng(crc32(seed.encode()))
    words = first_words(read_telephone(path), kind, rng)
    if words is None:
        return None
    words = words[: last_sound(words)]
    if len(words) < 800:
        return None
    line = lines.saying(words, path.parent.name, rng, noise, length=LENGTH, louder=(5, 15))
    return Said(path, seconds(words), stopped_after(line, judge))


def stopped_after(line: Line, judge: TaughtListening | None) -> float | None:
    """Seconds from where somebody says something until the agent is stopped; negative: earlier."""
    detector, turns = line.detector(JUDGED if judge else NUMBERS), TurnTaking()
    floor = Floor(turns, judged=judge is not None)
    turns.speaks(0.0)
    turns.audible(LENGTH + 2)
    for now, audio in line.frames():
        decisions = []
        floor.hear(audio)
        for event in detector.hear(audio, now):
            decisions += floor.noticed(event, now)
        if judge and (look := floor.look(now)):
            decisions += floor.answered(look, judge.only_listens(look.audio, look.voice_seconds), now)
        decisions += turns.tick(now)
        if Decision.INTERRUPT in decisions:
            return now - line.begins
    return None


def sounds(folder: Path, lines: Lines, judge: TaughtListening) -> None:
    """Print how many of each kind stop the agent."""
    for kind in sorted(path for path in folder.iterdir() if path.is_dir()):
        paths = sorted(kind.rglob("*.wav"))
        stopped = {None: 0, judge: 0}
        for path in paths:
            for with_judge in stopped:
                rng, noise = random.Random(path.name), np.random.default_rng(crc32(path.name.encode()))
                sound = read_telephone(path)[: 3 * RATE]
                line = lines.saying(sound, "", rng, noise, length=LENGTH, louder=(5, 15))
                stopped[with_judge] += stopped_after(line, with_judge) is not None
        without, with_it = (f"{count / len(paths):4.0%}" for count in stopped.values())
        print(
            f"  {kind.name:24} {len(paths):3} stop the agent: {without} without the judge, {with_it} with it"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", type=Path)
    parser.add_argument("--cases", type=int, default=400, help="of each kind")
    parser.add_argument("--seed", default="1")
    parser.add_argument(
        "--list", action="store_true", help="print who was held back, or stopped the agent, wrongly"
    )
    parser.add_argument("--judge", type=Path, help="the folder with its networks")
    parser.add_argument("--said", type=Path, help="instead of DATA: recordings of others, to be tested all")
    parser.add_argument("--sounds", type=Path, help="instead: recordings of 8 kHz, a folder of each kind")
    arguments = parser.parse_args()
    judge = TaughtListening(arguments.judge or arguments.data / "tested")
    lines = Lines(arguments.data)
    if arguments.sounds:
        sounds(arguments.sounds, lines, judge)
        return
    for with_judge in (False, True):
        print("with the judge" if with_judge else "without it")
        for kind, paths in kinds(arguments.data, arguments.said):
            if not paths:
                continue
            rng, results = random.Random(arguments.seed), []
            while len(results) < arguments.cases:
                path = rng.choice(paths)
                seed = f"{arguments.seed} {len(results)} {path.name}"
                case = said(path, kind.split(",")[0], lines, judge if with_judge else None, seed)
                results += [case] if case else []
            stopped = [case.after for case in results if case.after is not None]
            print(
                f"  {kind:24} stop the agent: {len(stopped) / len(results):4.0%}, {percentiles(stopped)}"
                f"; in 400 ms {sum(after <= 0.4 for after in stopped) / len(results):.0%}"
            )
            if arguments.list and with_judge:
                for case in results:
                    if (case.after is None or case.after > 0.4) == kind.startswith("asks"):
                        print(
                            f"    {case.path.parent.name}/{case.path.name} {case.lasts:.2f} s: {case.after}"
                        )


def kinds(data: Path, others: Path | None) -> list[tuple[str, list[Path]]]:
    def of(kind: str, *names: str) -> list[Path]:
        return [
            path
            for path in sorted(((others or data) / kind).rglob("*.wav"))
            if (others or fold_of(path.parent.name) == 0) and path.parent.name.startswith(names or "")
        ]

    return [
        ("asks", of("asks")),
        ("asks, people's words", of("asks", "sc-")),
        ("asks, people's sentences", of("asks", "en_", "es_", "fr_", "it_", "ru_")),
        ("listens", of("listens")),
        ("listens, people", of("listens", "sc-")),
        ("listens, Kokoro", of("listens", "kokoro")),
        ("listens, espeak-ng", of("listens", "espeak")),
    ]


if __name__ == "__main__":
    main()
