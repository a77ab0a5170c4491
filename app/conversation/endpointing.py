"""When a caller has finished speaking, judged by what was said. No I/O.

Silence alone does not tell: people pause for up to a second inside a sentence, and a fifth of a second after
"goodbye" nothing more is to come. So the words say how much silence it takes. The numbers were set with
`benchmarks/endpointing.py`.
"""

from __future__ import annotations

import re
from enum import Enum

from app.conversation import spoken_numbers as numbers
from app.conversation.completeness import Completeness, completeness
from app.conversation.heard_words import Heard, read
from app.conversation.word_classes import CONJUNCTIONS

SURE = 0.42
"""Seconds. Nothing is missing: a goodbye, a whole number."""
LIKELY = 0.46
"""Most who say so have said all."""
OPEN = 0.95
"""It may be all, and something may follow. Pauses of 0.8 s inside a sentence are common, and the voice ends a
little before the last sound does."""
UNFINISHED = 1.8
"""It cannot be all: it ends in "and", "to", "my"."""
ASKED_FOR_TIME = 2.5
"""The caller said so: "let me think"."""

DATE_WITHOUT_YEAR = 1.2
"""The year may follow."""
CODE = 1.2
CODE_LENGTHS = (4, 5, 8, 9)
"""Of codes, postal codes, dates in digits, social security numbers: may be whole, may be half a phone
number."""


class Profile(Enum):
    """What kind of answer is awaited."""

    NORMAL = "normal"
    DIGITS = "digits"
    """A number, a date, a code, a spelling: said in groups, with pauses between them."""
    THINKING = "thinking"
    """Something to think about, or to dictate."""


_SECONDS = {
    Profile.NORMAL: {
        Completeness.SURE: SURE,
        Completeness.LIKELY: LIKELY,
        Completeness.OPEN: OPEN,
        Completeness.UNFINISHED: UNFINISHED,
    },
    Profile.DIGITS: {
        Completeness.SURE: SURE,
        Completeness.LIKELY: OPEN,
        Completeness.OPEN: 1.2,
        Completeness.UNFINISHED: UNFINISHED,
    },
    Profile.THINKING: {
        Completeness.SURE: LIKELY,
        Completeness.LIKELY: 1.2,
        Completeness.OPEN: 1.5,
        Completeness.UNFINISHED: UNFINISHED,
    },
}

_QUESTION = re.compile(r"[^.?!]*\?")
_DIGITS_ASKED = re.compile(
    r"\b(?:numbers?|digits?|code|pin|zip|date|birthday|born|spell(?:ed|ing)?|extension|account|e-?mail|address)\b",
    re.I,
)
_THOUGHT_ASKED = re.compile(
    r"\b(?:take your time|dictate|describe|tell me (?:more|about|what happened)|in your own words|go ahead"
    r"|think about|what sh(?:all|ould) i (?:note|write)|(?:note|message) say)\b",
    re.I,
)
_ASKS_FOR_TIME = re.compile(
    r"\b(?:let me (?:see|think|check|look|find)(?: \w+){0,3}|hold on|hang on|hmm+|wait|bear with me"
    r"|(?:just |give me )?(?:one|a) (?:moment|second|sec|minute)"
    r"|how (?:do|should) i (?:say|put) (?:it|this))$"
)


def profile(asked: str) -> Profile:
    """What kind of answer the agent's last words `asked` call for."""
    # "I have your number. Anything else?" asks for no number.
    if questions := _QUESTION.findall(asked):
        asked = questions[-1]
    if _DIGITS_ASKED.search(asked):
        return Profile.DIGITS
    if _THOUGHT_ASKED.search(asked):
        return Profile.THINKING
    return Profile.NORMAL


def patience(text: str, profile: Profile) -> float:
    """Seconds of silence after which a caller whose turn so far is `text` has finished speaking."""
    heard = read(text)
    if _asks_for_time(heard.words):
        return ASKED_FOR_TIME
    if profile is Profile.DIGITS:
        return _for_digits(heard)
    return _SECONDS[profile][completeness(heard)]


def _asks_for_time(words: list[str]) -> bool:
    end = len(words)
    while end and words[end - 1] in CONJUNCTIONS:
        end -= 1
    return _ASKS_FOR_TIME.search(" ".join(words[max(0, end - 9) : end])) is not None


def _for_digits(heard: Heard) -> float:
    """Numbers are said in groups: whole is whole, part of one waits for the rest."""
    match numbers.date(heard.words):
        case "year":
            # "Nineteen eighty", "two"?
            return OPEN if heard.words[-1] in numbers.TENS else SURE
        case "day":
            return DATE_WITHOUT_YEAR
    said = numbers.digits(heard.words)
    if not said:
        spelled = len(heard.words) > 1 and all(len(word) == 1 for word in heard.words[-2:])
        return UNFINISHED if spelled else _SECONDS[Profile.DIGITS][completeness(heard)]
    if numbers.is_whole_number(said):
        return SURE
    return CODE if len(said) in CODE_LENGTHS else UNFINISHED
