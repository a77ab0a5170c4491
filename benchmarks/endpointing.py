"""How fast a caller's turn is taken to be over, and how often too early, on the turns in
caller_sentences.txt.

    python benchmarks/endpointing.py [--part tuned|held-out] [--list] [--datasets DIR]

For every turn: the decision after its last word, and what a pause of 0.2 to 0.8 s (evenly) after one of its
words would do. A pause falls on a boundary (marked "|") as often as on `BOUNDARY` other places. A turn is
cut off where the decision comes before the voice goes on. With `--datasets` (see caller_texts.py) also the
turns of those that nothing was taught with.
"""

from __future__ import annotations

import argparse
import re
import statistics
import time
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from caller_texts import read_all, split

from app.conversation.endpointing import Profile, patience
from app.conversation.heard_words import read

SENTENCES = Path(__file__).with_name("caller_sentences.txt")
PARTS = ("tuned", "held-out")
SHORTEST, LONGEST = 0.2, 0.8
BOUNDARY = 5.0
IN_ONE_BREATH = 4
"""Turns of fewer words are not paused in: "yes please", "bye bye"."""
QUICK = 0.5
REPLY = 0.2
"""Seconds from the decision to the reply's first sound, with fast providers. A caller who goes on before it
has noticed nothing, and the turn goes on."""


class Turn(NamedTuple):
    profile: Profile
    words: list[str]
    boundaries: set[int]
    """After how many words a pause is natural."""


class Outcome(NamedTuple):
    turn: Turn
    seconds: float
    """Of patience at the end."""
    cut_off: float
    """Probability that one pause cuts the turn off."""
    talked_over: float
    """And that a first sound of the reply is heard before the voice goes on."""
    cuts: list[str]


def turns(part: str) -> list[Turn]:
    """The turns of a part of the file."""
    tuned, _, held_out = SENTENCES.read_text("utf-8").partition("\n# held out\n")
    found = []
    for line in (tuned if part == "tuned" else held_out).splitlines():
        if not line or line.startswith("#"):
            continue
        kind, _, text = line.rpartition(": ")
        words: list[str] = []
        boundaries = set()
        for word in text.split():
            if word == "|":
                boundaries.add(len(words))
            else:
                words.append(word)
        found.append(Turn(Profile(kind or "normal"), words, boundaries))
    return found


def turn_of(text: str) -> Turn:
    """A turn as somebody has written it: their marks are where a pause is natural."""
    parts = [part for part in re.split(r"(?<=[.,?!;:])\s", text) if read(part).words]
    lengths = accumulate(len(read(part).words) for part in parts[:-1])
    return Turn(Profile.NORMAL, read(text).words, set(lengths))


def outcome(turn: Turn, style: str) -> Outcome:
    total = cut = over = 0.0
    cuts = []
    for size in range(1, len(turn.words)):
        weight = BOUNDARY if size in turn.boundaries else 1.0
        seconds = patience(written(turn.words[:size], style), turn.profile)
        share = longer_than(seconds)
        total += weight
        cut += weight * share
        over += weight * longer_than(seconds + REPLY)
        if share:
            cuts.append(" ".join(turn.words[:size]))
    end = patience(written(turn.words, style), turn.profile)
    return Outcome(turn, end, cut / (total or 1), over / (total or 1), cuts)


def longer_than(seconds: float) -> float:
    """The share of pauses."""
    return max(0.0, min(1.0, (LONGEST - seconds) / (LONGEST - SHORTEST)))


def written(words: list[str], style: str) -> str:
    """As Google's interims are, or as moonshine ends whatever it hears."""
    text = " ".join(words)
    return text if style == "plain" else f"{text.capitalize()}."


def report(name: str, outcomes: list[Outcome]) -> str:
    ends = sorted(outcome.seconds for outcome in outcomes)
    quick = sum(seconds <= QUICK for seconds in ends) / len(ends)
    long = [outcome for outcome in outcomes if len(outcome.turn.words) >= IN_ONE_BREATH]
    cut_off = statistics.mean(outcome.cut_off for outcome in long)
    talked_over = statistics.mean(outcome.talked_over for outcome in long)
    return (
        f"{name:24} {len(outcomes):4} turns: decided after {statistics.median(ends):.2f} s (median),"
        f" {statistics.mean(ends):.2f} s (mean), {quick:.0%} within {QUICK} s;"
        f" a pause cuts off {cut_off:.1%}, {talked_over:.1%} hear the reply"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--list", action="store_true", help="print what is slow and what is cut off")
    parser.add_argument("--datasets", type=Path)
    arguments = parser.parse_args()
    for part in (arguments.part,) if arguments.part else PARTS:
        for style in ("plain", "punctuated"):
            outcomes = [outcome(turn, style) for turn in turns(part)]
            for profile in Profile:
                of_profile = [one for one in outcomes if one.turn.profile is profile]
                print(report(f"{part}, {style}, {profile.value}", of_profile))
            if arguments.list and style == "plain":
                listing(outcomes)
    for name, texts in read_all(arguments.datasets).items() if arguments.datasets else ():
        of_name = [turn for turn in map(turn_of, split(texts)[1]) if IN_ONE_BREATH <= len(turn.words) <= 30]
        print(report(name, [outcome(turn, "plain") for turn in of_name]))
    texts = [" ".join(turn.words) for part in PARTS for turn in turns(part)]
    began = time.perf_counter()
    for text in texts:
        patience(text, Profile.NORMAL)
    print(f"{(time.perf_counter() - began) / len(texts) * 1e6:.0f} µs a call")


def listing(outcomes: list[Outcome]) -> None:
    for one in sorted(outcomes, key=lambda one: one.seconds):
        print(f"  {one.seconds:.2f} {one.cut_off:4.0%} {' '.join(one.turn.words)}")
        for text in one.cuts:
            print(f"              {text} …")


if __name__ == "__main__":
    main()
