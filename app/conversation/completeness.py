"""Whether what a caller has said so far can be all, judged by its grammar. No I/O.

No parser: a sentence that ends in "to the" is unfinished whatever stands before, and what is surely finished
is what callers of an assistant say again and again. Everything between is open, which is the safe answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum

from app.conversation import spoken_numbers as numbers
from app.conversation import word_classes as words_that
from app.conversation.heard_words import Heard
from app.conversation.set_answers import is_answer, is_hasty
from app.conversation.unfinished import asks, is_unfinished, without_openers


class Completeness(IntEnum):
    """From less to more."""

    UNFINISHED = 0
    """It cannot be all: "remind me to"."""
    OPEN = 1
    """It may be all, and something may follow: "remind me to call the dentist", "no" ("I said Tuesday")."""
    LIKELY = 2
    """It is a whole question, or a whole request."""
    SURE = 3
    """Nothing is missing: "no thanks", "remind me to call the dentist tomorrow at nine a m"."""


UNFINISHED, OPEN, LIKELY, SURE = Completeness

_HESITATIONS = frozenset(("um", "uh", "uhm", "er", "erm"))
_LAST_WORDS = (
    ("please",), ("thanks",), ("thank", "you"), ("instead",), ("again",), ("bye",), ("goodbye",),
    ("for", "now"), ("that's", "all"), ("right", "now"), ("as", "well"),
)  # fmt: skip
"""What is added when all has been said."""
_REQUEST = re.compile(
    r"\b(?:(?:can|could|would|will) (?:you|i|we) (?:please |like to )?"
    r"|(?:i|we)(?:'d like| would like| want| need| have|'ve got)(?: you)? to |please |let's |don't (?=forget)"
    r"|(?=remind me ))"
)
"""How a request begins."""

_VERBS = words_that.AUXILIARIES | words_that.CONTRACTIONS
MANY_WORDS = 9
_ENDS_NO_PHRASE = words_that.TRANSITIVE | words_that.RELATIONAL | words_that.DETERMINERS | {"that"}
_LEADS = words_that.PREPOSITIONS | words_that.DETERMINERS


def completeness(heard: Heard) -> Completeness:
    """How complete the caller's turn is. A turn of several sentences is as complete as the last."""
    turn = heard.words
    if not turn:
        return OPEN
    sentence = turn[heard.begins[-1] :]
    if is_answer(sentence):
        return OPEN if heard.mark == "," or is_hasty(sentence) else SURE
    if is_unfinished(sentence) or heard.mark == ",":
        return UNFINISHED
    found = _of_sentence(turn, [word for word in sentence if word not in _HESITATIONS])
    # Recognisers end half a question, too, with a mark: "could you write down?"
    return max(found, LIKELY) if heard.mark == "?" and not asks(sentence) else found


def _of_sentence(turn: Sequence[str], sentence: Sequence[str]) -> Completeness:
    core = without_openers(sentence)
    for words in _LAST_WORDS:
        if tuple(core[-len(words) :]) == words:
            return _before_last_words(core[: -len(words)])
    if not core:
        return OPEN
    time = numbers.clock(core)
    if time and _has_task(turn) and not _tells(core, turn):
        if time == "whole":
            return SURE
        # "Book a table at seven" wants a day; "no, at six" may go on with "not five".
        wants_day = (
            not words_that.APPOINTED.isdisjoint(core) and "remind" not in turn and not _names_day(turn)
        )
        return OPEN if wants_day or "no" in sentence or "wait" in sentence else LIKELY
    if numbers.date(core) == "year":
        return SURE
    return _of_clause(core, turn)


def _before_last_words(rest: Sequence[str]) -> Completeness:
    if not rest or rest[0] in words_that.PREPOSITIONS or rest[0] in words_that.SUBORDINATE:
        return OPEN
    # "Say that again": what "that" stands for was said before.
    return UNFINISHED if is_unfinished(rest) and rest[-1] != "that" else SURE


def _has_task(turn: Sequence[str]) -> bool:
    """Of a reminder with a time: whether what to remind of was said too."""
    place = next((i for i, word in enumerate(turn) if word in ("remind", "reminder")), None)
    return place is None or any(word in ("to", "about", "that", "of") for word in turn[place + 1 : -1])


def _names_day(turn: Sequence[str]) -> bool:
    return any(
        word in words_that.DAYS or word in words_that.MONTHS or numbers.is_ordinal(word) for word in turn
    )


def _of_clause(core: list[str], turn: Sequence[str]) -> Completeness:
    # The last request counts: "when I get home, remind me", "one more thing, can you".
    text = " ".join(core)
    if requests := list(_REQUEST.finditer(text)):
        return _of_request(text[requests[-1].end() :].split(), turn)
    if asks(core):
        return _of_question(core)
    if core[0] in words_that.SUBORDINATE:
        return OPEN
    if core[0] in words_that.COMMANDS | words_that.DICTATED | words_that.TIMED:
        return _of_request(core, turn)
    return _of_statement(core)


def _of_question(core: list[str]) -> Completeness:
    last = core[-1]
    if core[:2] == ["how", "many"] and last in ("have", "left"):
        return LIKELY
    wanting = (words_that.RELATIONAL, words_that.TRANSITIVE, words_that.AUXILIARIES, words_that.COMMANDS)
    if len(core) < 3 or last in words_that.STRANDED or any(last in words for words in wanting):
        return OPEN
    asks_for_day = last in words_that.DAYS and not _VERBS.isdisjoint(core)
    return LIKELY if asks_for_day or (len(core) > 4 and _ends_in_phrase(core)) else OPEN


def _of_statement(core: list[str]) -> Completeness:
    if core[:3] == ["my", "name", "is"]:
        # "John", "Smith".
        return LIKELY if len(core) == 5 else OPEN
    # Who tells something goes on as long as they like.
    return OPEN


def _tells(core: Sequence[str], turn: Sequence[str]) -> bool:
    """Whether a sentence states something and asks for nothing: "the flight leaves at seven"."""
    begins = core[0] in words_that.DETERMINERS | words_that.SUBJECTS and len(core) > 3
    return begins and words_that.TIMED.isdisjoint(turn) and not _REQUEST.search(" ".join(core))


def _of_request(core: list[str], turn: Sequence[str]) -> Completeness:
    """Of what follows "can you", "please", "I'd like to": a verb and what belongs to it."""
    if not core:
        return UNFINISHED
    verb, last = core[0], core[-1]
    if verb in ("add", "put"):
        return SURE if last in words_that.LISTS and len(core) > 3 else OPEN
    if verb in words_that.REMOVING:
        named = last in words_that.KEPT | words_that.DAYS and len(core) > 3
        return LIKELY if named or last in words_that.OBJECTS else OPEN
    if last in words_that.DAYS and core[-2:-1] == ["every"] and len(core) > 5:
        return LIKELY
    is_planned = verb in ("set", "make", "plan", "get") and not words_that.APPOINTED.isdisjoint(core)
    if is_planned or not words_that.TIMED.isdisjoint(core):
        return OPEN
    if core[:3] in (["tell", "me", "a"], ["tell", "me", "about"]) and len(core) > 3:
        return LIKELY
    if verb in words_that.DICTATED or core[:2] == ["make", "a"]:
        return _by_length(core, turn)
    if verb in ("change", "move", "make", "push"):
        return LIKELY if "to" in core[2:-1] or (core[1:2] == ["it"] and len(core) > 2) else OPEN
    is_counted = last in words_that.SPANS and numbers.is_number(core[-2]) if len(core) > 1 else False
    if last in words_that.DAYS or last in words_that.LISTS or is_counted:
        return LIKELY
    return _by_length(core, turn)


def _by_length(core: Sequence[str], turn: Sequence[str]) -> Completeness:
    """What is long and ends in a phrase is likely all."""
    return LIKELY if len(turn) >= MANY_WORDS and _ends_in_phrase(core) else OPEN


def _ends_in_phrase(core: Sequence[str]) -> bool:
    """Whether the words end in "to the airport", "for you", "a new phone": a preposition or an article, and
    up to two words more."""
    last = core[-1]
    if last in _ENDS_NO_PHRASE or last.endswith(("ed", "ing")) or numbers.is_number(last):
        return False
    return any(core[place] in _LEADS for place in range(max(2, len(core) - 4), len(core) - 1))
