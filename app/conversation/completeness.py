"""Whether what a caller has said so far can be all. No I/O.

Two grammars know the extremes: a sentence that ends in "to the" is unfinished, and "no, that's all" is all.
Of everything between, a network has learned how likely it ends a turn; it may doubt the first grammar.
"""

from __future__ import annotations

from enum import IntEnum

from app.conversation import spoken_numbers as numbers
from app.conversation.heard_words import Heard
from app.conversation.set_answers import is_answer, is_hasty
from app.conversation.turn_end import chance_of_end
from app.conversation.unfinished import asks, is_unfinished
from app.conversation.word_classes import END_NOTHING


class Completeness(IntEnum):
    """From less to more."""

    UNFINISHED = 0
    """It cannot be all: "remind me to"."""
    OPEN = 1
    """It may be all, and something may follow: "remind me to call", "no" ("I said Tuesday")."""
    LIKELY = 2
    """Most who say so have said all: "remind me to call the dentist tomorrow"."""
    SURE = 3
    """Nothing is missing: "no thanks"."""


UNFINISHED, OPEN, LIKELY, SURE = Completeness

LIKELY_FROM = 0.84
"""Of the network's chance: a pause of 0.2 to 0.8 s then cuts off 3 % of turns (`benchmarks/turn_end.py`)."""
LIKELY_FROM_TIME = 0.65
"""Where a time of day or a date ends what was said: "tomorrow at noon"."""
OPEN_FROM = 0.5
"""Where the grammar takes it for unfinished: "where were you", "we ran out of". The network says so of 61 %
of the whole turns that the grammar does not know, and of 3 % of the places within turns where it is right
(6 000 turns, held out)."""


def completeness(heard: Heard) -> Completeness:
    """How complete the caller's turn is."""
    if not heard.words:
        return OPEN
    sentence = heard.words[heard.begins[-1] :]
    if is_answer(sentence):
        return OPEN if heard.mark == "," or is_hasty(sentence) else SURE
    chance = chance_of_end(tuple(heard.words))
    if is_unfinished(sentence):
        may_end = chance >= OPEN_FROM and heard.mark != "," and sentence[-1] not in END_NOTHING
        return OPEN if may_end else UNFINISHED
    likely_from = LIKELY_FROM_TIME if _ends_in_whole_time(sentence) else LIKELY_FROM
    found = LIKELY if chance >= likely_from else OPEN
    if heard.mark == ",":
        # After what was likely all, some recognisers put one as well: "No, I meant five o'clock,".
        return OPEN if found is LIKELY else UNFINISHED
    # Recognisers end half a question, too, with a mark: "could you write down?"
    return max(found, LIKELY) if heard.mark == "?" and not asks(sentence) else found


def _ends_in_whole_time(words: list[str]) -> bool:
    return numbers.clock(words) == "whole" or numbers.date(words) == "year"
