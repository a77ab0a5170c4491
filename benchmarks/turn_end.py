"""Teach, and test, the network that says how likely a caller's turn is over (app/conversation/turn_end.py).

    pip install torch                                                  only for this
    python benchmarks/turn_end.py DATASETS [--without clinc,wikipedia] [--write app/conversation/turn_end.npz]

DATASETS holds the checkouts that caller_texts.py names. The network learns which of the places between a
turn's words is its end; a place before which a writer put a mark counts five times, since people pause there.
Numbers are also shown as they are spoken. The turns "tuned" of caller_sentences.txt are taught as well.

What is printed is of turns that were not taught from, and, for a dataset left out by `--without`, of a
kind of talk that was not: for the chance that lets pauses cut off 3 % of the turns (see endpointing.py), how
many ends are decided quickly.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from caller_texts import WEIGHTS, read_all, split
from endpointing import BOUNDARY, IN_ONE_BREATH, longer_than, turn_of, turns
from torch import nn

from app.conversation.completeness import LIKELY_FROM
from app.conversation.endpointing import LIKELY, Profile
from app.conversation.turn_end import BUCKETS, LONGEST, Network

VOCABULARY = 3000
EMBEDDING, STATE = 32, 64
EPOCHS, BATCH = 5, 256
OFTEN = 300
"""Times that the same turn is taught at most: "yes" is said 3 000 times."""
CUT_OFF = 0.03
CALIBRATED = 10_000
"""Turns by which the chance is found that cuts off so many: `LIKELY_FROM` of completeness.py."""
OURS = 20.0
"""Weight of one of caller_sentences.txt."""

ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen""".split()  # noqa: SIM905
TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
IRREGULAR = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
             "nine": "ninth", "twelve": "twelfth"}  # fmt: skip


class Example(NamedTuple):
    words: list[str]
    boundaries: set[int]
    """After how many words people may pause."""
    weight: float


def spoken(words: list[str], boundaries: set[int]) -> tuple[list[str], set[int]]:
    """With its numbers as they are said: "5:30 pm" as "five thirty p m"."""
    said: list[str] = []
    moved = set()
    for place, word in enumerate(words):
        if place in boundaries:
            moved.add(len(said))
        said += _spoken(word)
    return said, moved


def _spoken(word: str) -> list[str]:
    if clock := re.fullmatch(r"(\d{1,2}):(\d\d)", word):
        minutes = int(clock[2])
        return _number(int(clock[1])) + ([] if not minutes else ["o"] * (minutes < 10) + _number(minutes))
    if day := re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)", word):
        *before, last = _number(int(day[1]))
        return [*before, IRREGULAR.get(last) or re.sub("y$", "ie", last) + "th"]
    if re.fullmatch(r"\d{1,12}", word):
        return (
            _number(int(word)) if len(word) < 5 and word[0] != "0" else [ONES[int(digit)] for digit in word]
        )
    return list(word) if word in ("am", "pm") else [word]


def _number(number: int) -> list[str]:
    if number < 20:
        return [ONES[number]]
    if number < 100:
        return [TENS[number // 10], *([ONES[number % 10]] if number % 10 else [])]
    if number < 1000:
        return [ONES[number // 100], "hundred", *(_number(number % 100) if number % 100 else [])]
    before, after = divmod(number, 100)
    return _number(before) + (
        _number(after) if after > 9 else ["hundred"] if not after else ["o", ONES[after]]
    )


def examples(
    texts: dict[str, list[str]], without: set[str]
) -> tuple[list[Example], dict[str, list[Example]]]:
    """What is taught, and by dataset what is tested."""
    taught = [
        Example(turn.words, turn.boundaries, OURS)
        for turn in turns("tuned")
        if turn.profile is not Profile.DIGITS
    ]
    tested = {
        "ours, held out": [
            Example(t.words, t.boundaries, 1) for t in turns("held-out") if t.profile is Profile.NORMAL
        ]
    }
    seen: Counter[tuple[str, ...]] = Counter()
    for name, of_name in texts.items():
        learned, kept = (
            [Example(turn.words, turn.boundaries, WEIGHTS[name]) for turn in map(turn_of, part)]
            for part in split(of_name)
        )
        tested[name] = kept
        if name in without:
            continue
        test = {tuple(example.words) for example in kept}
        for example in learned:
            words = tuple(example.words)
            seen[words] += 1
            if not 0 < len(words) <= LONGEST or words in test or seen[words] > OFTEN:
                continue
            aloud = spoken(example.words, example.boundaries)
            if aloud[0] == example.words:
                taught.append(example)
            else:
                half = example.weight / 2
                taught += [example._replace(weight=half), Example(*aloud, half)]
    return taught, tested


class Unit(nn.Module):
    def __init__(self, rows: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, EMBEDDING, padding_idx=rows - 1)
        self.unit = nn.GRU(EMBEDDING, STATE, batch_first=True)
        self.out = nn.Linear(STATE, 1)
        self.dropout = nn.Dropout(0.2)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        states, _ = self.unit(self.dropout(self.embedding(rows)))
        return self.out(self.dropout(states)).squeeze(-1)

    def network(self, vocabulary: dict[str, int]) -> Network:
        """As Offhook runs it."""
        kept = {name: layer.detach().numpy() for name, layer in self.named_parameters()}
        into = np.column_stack([kept["unit.weight_ih_l0"], kept["unit.bias_ih_l0"]])
        again = np.column_stack([kept["unit.weight_hh_l0"], kept["unit.bias_hh_l0"]])
        out = np.append(kept["out.weight"][0], kept["out.bias"])
        return Network(vocabulary, kept["embedding.weight"][:-1], into, again, out)


def teach(taught: list[Example], seed: int = 0) -> Network:
    torch.manual_seed(seed)
    rng = random.Random(seed)
    count = Counter(word for example in taught for word in example.words)
    vocabulary = {word: row for row, (word, _) in enumerate(count.most_common(VOCABULARY))}
    empty = Network(vocabulary, *[np.zeros((1, 1), np.float32)] * 4)
    padding = len(vocabulary) + 2 * BUCKETS
    rows = [[empty.row(word) for word in example.words] for example in taught]
    unit = Unit(padding + 1)
    optimizer = torch.optim.Adam(unit.parameters(), lr=2e-3)
    steps = EPOCHS * -(-len(taught) // BATCH)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1, 0.01, total_iters=steps)
    for epoch in range(EPOCHS):
        total = []
        for seen, ends, weights in batches(taught, rows, padding, rng):
            errors = nn.functional.binary_cross_entropy_with_logits(unit(seen), ends, reduction="none")
            loss = (errors * weights).sum() / weights.sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total.append(loss.item())
        print(f"epoch {epoch}: {np.mean(total):.4f}", flush=True)
    network = unit.eval().network(vocabulary)
    with torch.no_grad():
        theirs = torch.sigmoid(unit(torch.tensor([rows[0]])))[0].numpy()
    assert np.allclose(theirs, network.chances(taught[0].words), atol=1e-4)
    sample = rng.choices(taught, [example.weight for example in taught], k=CALIBRATED)
    least, _, _ = quick(network, sample)
    # Every network that is taught means the same by the same chance.
    network.out[-1] += logit(LIKELY_FROM) - logit(least)
    return network


def logit(chance: float) -> float:
    return float(np.log(chance / (1 - chance)))


def batches(
    taught: list[Example], rows: list[list[int]], padding: int, rng: random.Random
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Of turns alike in length. A turn's end and all its other places together count the same."""
    order = sorted(range(len(rows)), key=lambda n: len(rows[n]) + 2 * rng.random())
    groups = [order[begin : begin + BATCH] for begin in range(0, len(order), BATCH)]
    rng.shuffle(groups)
    for group in groups:
        shape = len(group), max(len(rows[n]) for n in group)
        seen = np.full(shape, padding)
        ends, weights = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for at, n in enumerate(group):
            size, weight = len(rows[n]), taught[n].weight
            seen[at, :size] = rows[n]
            ends[at, size - 1] = 1
            if size > 1:
                within = pauses(taught[n])
                weights[at, : size - 1] = weight * within / within.sum()
            weights[at, size - 1] = weight
        yield torch.tensor(seen), torch.tensor(ends), torch.tensor(weights)


def pauses(example: Example) -> np.ndarray:
    """How likely a pause is after each word but the last."""
    likely = np.ones(len(example.words) - 1)
    likely[[place - 1 for place in example.boundaries]] = BOUNDARY
    return likely


def quick(network: Network, of_name: list[Example]) -> tuple[float, float, float]:
    """The least chance with which pauses cut off no more than `CUT_OFF` of the turns; the share of the ends
    that are decided quickly then, and that of the turns that are cut off."""
    long = [example for example in of_name if IN_ONE_BREATH <= len(example.words) <= LONGEST]
    chances = [np.array(network.chances(example.words)) for example in long]
    last = np.array([of_turn[-1] for of_turn in chances])
    longer = longer_than(LIKELY)
    for least in np.arange(0.5, 1, 0.005):
        cuts = [
            np.average(of_turn[:-1] > least, weights=pauses(example)) * longer
            for example, of_turn in zip(long, chances, strict=True)
        ]
        if np.mean(cuts) <= CUT_OFF:
            break
    return float(least), float((last > least).mean()), float(np.mean(cuts))


def report(network: Network, tested: dict[str, list[Example]]) -> None:
    for name, of_name in tested.items():
        least, decided, cut_off = quick(network, of_name)
        print(f"{name:16} above {least:.2f}, {decided:.0%} decided quickly; {cut_off:.1%} cut off")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("datasets", type=Path)
    parser.add_argument("--without", default="")
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    taught, tested = examples(read_all(arguments.datasets), set(arguments.without.split(",")))
    print(f"{len(taught)} turns to learn from")
    network = teach(taught)
    report(network, tested)
    if arguments.write:
        network.save(arguments.write)


if __name__ == "__main__":
    main()
