"""When a caller has finished speaking, judged by what was said. No I/O.

Silence alone does not tell: people pause for up to a second inside a sentence, and a fifth of a second after
"goodbye" nothing more is to come. So the words say how much silence it takes.
"""

from __future__ import annotations

import re
from enum import Enum

from app.conversation.heard_words import read

SURE = 0.4
"""Seconds. Nothing is missing: a goodbye, a whole question, a reminder with its time."""
OPEN = 0.9
"""It may be all, and something may follow. Pauses of 0.8 s inside a sentence are common."""
UNFINISHED = 1.8
"""It cannot be all: it ends in "and", "to", "my"."""
THINKING = 2.5
"""The caller asked for time."""


class Profile(Enum):
    """What kind of answer is awaited."""

    NORMAL = "normal"
    DIGITS = "digits"
    """A number, a date, a code, a spelling: said in groups, with pauses between them."""
    THINKING = "thinking"
    """Something to think about, or to dictate."""


_DIGITS_ASKED = re.compile(
    r"\b(?:numbers?|digits?|code|pin|zip|date|birthday|born|spell(?:ed|ing)?|extension|account|e-?mail|address)\b",
    re.I,
)
_THOUGHT_ASKED = re.compile(r"\b(?:take your time|dictate|describe|tell me (?:more|about)|go ahead)\b", re.I)


def profile(asked: str) -> Profile:
    """What kind of answer the agent's last words `asked` call for."""
    if _DIGITS_ASKED.search(asked):
        return Profile.DIGITS
    if _THOUGHT_ASKED.search(asked):
        return Profile.THINKING
    return Profile.NORMAL


_ENDS = frozenset(
    """and or but because so if when while that than then to of for from with without at by on in into about
    my your his her our their the a an some any this these those very really quite i we they he she who which
    is are was were am be been do does did have has had can could will would shall should may might must
    um uh er like mister mr mrs dr""".split()  # noqa: SIM905
)
_CLOSED = frozenset(
    """yes yeah yep no nope okay ok sure thanks thank you bye goodbye right correct exactly please
    that's it all great perfect nothing else fine good alright""".split()  # noqa: SIM905
)
_ASKS_FOR_TIME = re.compile(
    r"\b(?:let me (?:see|think|check)|hold on|hang on|hmm+|one moment|just a \w+|wait)$"
)


def patience(text: str, profile: Profile) -> float:
    """Seconds of silence after which a caller whose turn so far is `text` has finished speaking."""
    words, mark, _ = read(text)
    if not words:
        return OPEN
    if _ASKS_FOR_TIME.search(" ".join(words)):
        return THINKING
    if words[-1] in _ENDS:
        return max(UNFINISHED, patience(" ".join(words[:-1]), profile))
    if mark == ",":
        return UNFINISHED
    if mark == "?" or all(word in _CLOSED for word in words) or words[-1] in ("please", "am", "pm"):
        return SURE
    return OPEN if profile is Profile.NORMAL else UNFINISHED
