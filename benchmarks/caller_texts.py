"""What callers of assistants and companies say, read from public datasets.

Each is a checkout of its repository below one folder, under its owner's and its own name
(`clinc+oos-eval/...`); of a bare one, `git archive` makes a checkout. What of a dataset is missing is left
out, with a line that says so.

| dataset | licence | |
|---|---|---|
| google-research-datasets/dstc8-schema-guided-dialogue | CC BY-SA 4.0 | written answers to 40 services |
| google-research-datasets/Taskmaster (3 and 4) | CC BY 4.0 | tickets, food, coffee |
| PolyAI-LDN/task-specific-datasets | CC BY 4.0 | questions to banks, restaurants, hotels |
| xliuhw/NLU-Evaluation-Data | CC BY 4.0 | orders to a home's assistant |
| sonos/nlu-benchmark | CC0 | the same |
| clinc/oos-eval | CC BY 3.0 | the same, and sentences of Wikipedia's |
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

WEIGHTS = {"schema": 1, "taskmaster": 4, "bank": 2, "tables": 2, "hotels": 3, "home": 3, "snips": 2,
           "clinc": 2, "wikipedia": 1.5}  # fmt: skip
"""How much a turn of each counts: more where they are few, or alike in nothing to the others."""


def schema(root: Path) -> Iterator[str]:
    for path in sorted(
        (root / "google-research-datasets+dstc8-schema-guided-dialogue").glob("*/dialogues_*.json")
    ):
        for dialogue in _json(path):
            yield from (turn["utterance"] for turn in dialogue["turns"] if turn["speaker"] == "USER")


def taskmaster(root: Path) -> Iterator[str]:
    folder = root / "google-research-datasets+Taskmaster"
    for path in sorted(folder.glob("TM-4-2024/data/*.json")):
        for dialogue in _json(path):
            yield from (turn["text"] for turn in dialogue["utterances"] if turn["speaker"].startswith("user"))
    for path in sorted(folder.glob("TM-3-2020/splits/train/train-bc.tsv")):
        # Each line holds a dialogue so far: "...<C><U>caller<A>agent<U>caller".
        lines = path.read_text("utf-8").splitlines()
        yield from sorted({text for line in lines for text in re.findall(r"<U>([^<\t]+)", line)})


def bank(root: Path) -> Iterator[str]:
    for path in sorted((root / "PolyAI-LDN+task-specific-datasets/banking_data").glob("t*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            yield from (row["text"] for row in csv.DictReader(file))


def tables(root: Path) -> Iterator[str]:
    folder = root / "PolyAI-LDN+task-specific-datasets/span_extraction/restaurant8k"
    for path in (folder / "train_0.json", folder / "test.json"):
        yield from (one["userInput"]["text"] for one in _json(path))


def hotels(root: Path) -> Iterator[str]:
    for path in sorted((root / "PolyAI-LDN+task-specific-datasets/nlupp/data").glob("*/fold*.json")):
        yield from (one["text"] for one in _json(path))


def home(root: Path) -> Iterator[str]:
    folder = root / "xliuhw+NLU-Evaluation-Data/CrossValidation/out4RasaReal"
    for path in sorted(folder.glob("*/CrossValidation/KFold_1/merged*/Rasa*.json")):
        yield from (one["text"] for one in _json(path)["rasa_nlu_data"]["common_examples"])


def snips(root: Path) -> Iterator[str]:
    folder = root / "sonos+nlu-benchmark/2017-06-custom-intent-engines"
    for path in sorted(folder.glob("*/train_*_full.json")):
        ones = json.loads(path.read_text("latin-1"))[path.parent.name]
        yield from ("".join(part["text"] for part in one["data"]) for one in ones)


def clinc(root: Path) -> Iterator[str]:
    for path in (root / "clinc+oos-eval/data").glob("data_full.json"):
        yield from (text for part in _json(path).values() for text, _ in part)


def wikipedia(root: Path) -> Iterator[str]:
    for path in (root / "clinc+oos-eval/data").glob("all_wiki_sents.txt"):
        yield from path.read_text("utf-8").splitlines()


DATASETS: tuple[Callable[[Path], Iterator[str]], ...] = (
    schema, taskmaster, bank, tables, hotels, home, snips, clinc, wikipedia,
)  # fmt: skip


TESTED = 1000
"""Turns of each dataset that are not taught from."""


def split(texts: list[str]) -> tuple[list[str], list[str]]:
    """The turns of a dataset to learn from, and those to test with."""
    shuffled = random.Random(1).sample(texts, len(texts))
    tested = shuffled[:TESTED]
    kept = set(tested)
    return [text for text in shuffled[TESTED:] if text not in kept], tested


def read_all(root: Path) -> dict[str, list[str]]:
    """The turns of each dataset that is there."""
    found = {}
    for dataset in DATASETS:
        texts = [text.strip() for text in dataset(root)] if root.is_dir() else []
        if texts:
            found[dataset.__name__] = texts
        else:
            print(f"{dataset.__name__}: nothing below {root}")
    return found


def _json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
