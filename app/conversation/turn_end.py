"""How likely a caller's turn is over where it is, as a small network has learned from turns. No I/O but the
reading of what it has learned.

A gated recurrent unit reads the words one by one. `benchmarks/turn_end.py` has taught it which of all the
places between the words of 200 000 turns were their ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self
from zlib import crc32

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

BUCKETS = 256
"""For words that the network was not taught: one for all that end in the same three letters, as many again
for numbers of the same shape ("00:00")."""
LONGEST = 30
"""Words it is shown, the last ones: nearly all turns that it was taught with are shorter."""
_TAUGHT = Path(__file__).with_suffix(".npz")
_ZEROS = str.maketrans("123456789", "000000000")


@dataclass(frozen=True)
class Network:
    """One gated recurrent unit, and what it makes of each word."""

    vocabulary: dict[str, int]
    """The row of each word. Behind them are those of the buckets."""
    embedding: Floats
    """A row a word, 32 numbers."""
    into: Floats
    """From a word to the three gates (reset, update, new): 192 × 33, the last column is added."""
    again: Floats
    """From the state to the gates: 192 × 65, the same."""
    out: Floats
    """From the state to the chance: 65, the same."""

    @classmethod
    def load(cls, path: Path = _TAUGHT) -> Self:
        """As `save` wrote it."""
        with np.load(path) as kept:
            words = str(kept["words"]).split()
            layers = (kept[name].astype(np.float32) for name in ("embedding", "into", "again", "out"))
            return cls({word: row for row, word in enumerate(words)}, *layers)

    def save(self, path: Path) -> None:
        """In half precision: it judges the same."""
        layers = {
            name: getattr(self, name).astype(np.float16) for name in ("embedding", "into", "again", "out")
        }
        np.savez_compressed(path, words=" ".join(self.vocabulary), **layers)

    def row(self, word: str) -> int:
        """Where the word's embedding is."""
        known = self.vocabulary.get(word)
        if known is not None:
            return known
        number = word[:1].isdigit()
        shape = word.translate(_ZEROS) if number else word[-3:]
        return len(self.vocabulary) + (0 if number else BUCKETS) + crc32(shape.encode()) % BUCKETS

    def chances(self, words: Sequence[str]) -> list[float]:
        """After each word, how likely the turn is over."""
        size = len(self.out) - 1
        gates = self.embedding[[self.row(word) for word in words]] @ self.into[:, :-1].T + self.into[:, -1]
        again, added = np.ascontiguousarray(self.again[:, :-1]), self.again[:, -1]
        state = np.zeros(size, np.float32)
        chances = []
        for gate in gates:
            kept = again @ state + added
            both = 1 / (1 + np.exp(-(gate[: 2 * size] + kept[: 2 * size])))
            reset, update = both[:size], both[size:]
            new = np.tanh(gate[2 * size :] + reset * kept[2 * size :])
            state = new + update * (state - new)
            chances.append(float(1 / (1 + np.exp(-(state @ self.out[:-1] + self.out[-1])))))
        return chances


_NETWORK = Network.load()
"""Read at start-up, 10 ms, so that no caller waits for it."""


@lru_cache(maxsize=1024)
def chance_of_end(words: tuple[str, ...]) -> float:
    """Of a turn of these words (see `heard_words.read`), how likely it is over."""
    return _NETWORK.chances(words[-LONGEST:])[-1] if words else 0.0
