"""Whether the line brings back the agent's own voice. No I/O.

Phone lines have no echo cancellation of ours, and an echo is heard badly: some words come back as others.
So the words are aligned with what the agent said, and a few may differ.
"""

from __future__ import annotations

from app.conversation.heard_words import read

MOST_DIFFERENT = 0.35
"""Of the words of an echo, so many may be others than the agent's, or missing: the recogniser has a third of
the words wrong in a weak echo."""
_OWN = frozenset(
    """no nope not stop wait yes yeah cancel help hello sorry pardon what quit hold repeat again
    operator""".split()  # noqa: SIM905
)
"""What callers say to make an agent stop, or to answer it: never taken for an echo on its own."""
_SAME_START = 3
"""Letters; words that share as many and half of their length are the same word misheard."""


def is_echo(text: str, agent: str) -> bool:
    """Whether the recogniser's `text` is the agent's own voice, come back over the line.

    `agent` is what it said in the last seconds; the last word may have been cut.
    """
    words, said = read(text).words, read(agent).words
    if not words or not said:
        return False
    known = set(said)
    if any(word in _OWN and (word not in known or len(words) <= 2) for word in words):
        return False
    if len(words) == 1 and _is_offered(words[0], said):
        return False
    costs = _distances(words, said)
    # Whoever talks into an echo is heard after it: the last two words are nobody's echo.
    if len(words) > 2 and costs[-1] - costs[-3] >= 2:
        return False
    return costs[-1] <= MOST_DIFFERENT * len(words)


def _is_offered(word: str, said: list[str]) -> bool:
    """Whether the agent gave this word to choose: "in the morning or the evening"."""
    return any(
        "or" in said[max(0, place - 3) : place + 4] for place, other in enumerate(said) if other == word
    )


def _distances(words: list[str], said: list[str]) -> list[float]:
    """For each beginning of `words`, its distance (Levenshtein, in words) from the most similar stretch of
    `said`."""
    row = [0.0] * (len(said) + 1)
    best = [0.0]
    for word in words:
        diagonal, row[0] = row[0], row[0] + 1
        for place, other in enumerate(said, 1):
            diagonal, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, diagonal + _difference(word, other)),
            )
        best.append(min(row))
    return best


def _difference(word: str, other: str) -> float:
    if word == other:
        return 0.0
    shared = 0
    for one, two in zip(word, other, strict=False):
        if one != two:
            break
        shared += 1
    return 0.3 if shared >= _SAME_START and 2 * shared >= max(len(word), len(other)) else 1.0
