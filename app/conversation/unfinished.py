"""Whether a sentence cannot end where it does, whatever it says. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from app.conversation import spoken_numbers as numbers
from app.conversation import word_classes as words_that

_ALONE = words_that.CONJUNCTIONS | words_that.DETERMINERS | words_that.PREPOSITIONS | words_that.TITLES
_NEVER_ALONE = (
    _ALONE | words_that.FILLERS | words_that.ONLY_SUBJECTS | words_that.CONTRACTIONS | words_that.AUXILIARIES
) - frozenset("both some so any well no this these those either neither there who".split())  # noqa: SIM905
_BEFORE_A_CLAUSE = (words_that.ASKING | {"as", "than"}) - {"when"}
_POINTING = frozenset(("this", "these", "those", "some", "any", "both", "another", "each"))
"""Determiners that can stand for what they determine: "I'll take both"."""


def is_unfinished(words: Sequence[str]) -> bool:
    """Whether something must follow: "remind me to", "can you", "my number is"."""
    if numbers.clock(words) or numbers.date(words):
        return False
    if len(words) == 1:
        return words[0] in _NEVER_ALONE
    if words[-1] == "please":
        return is_unfinished(words[:-1])
    return _must_go_on(words, words[-2], words[-1])


def without_openers(words: Sequence[str]) -> list[str]:
    """What is left of a sentence without "yes", "well", "oh and" before it."""
    place = 0
    while place < len(words) and words[place] in words_that.OPENERS:
        if words[place] == "i" and words[place + 1 : place + 2] != ["mean"]:
            break
        place += 1
    return list(words[place:])


def asks(words: Sequence[str]) -> str:
    """What kind of question it is: "what" for one with a question word, "whether", or "" for none."""
    core = without_openers(words)
    if not core:
        return ""
    if core[0] in words_that.ASKING:
        # "When I get home" asks nothing.
        verbs = words_that.AUXILIARIES
        return "what" if core[0] != "when" or (len(core) > 1 and core[1] in verbs) else ""
    if len(core) < 2 or core[0] not in words_that.AUXILIARIES - words_that.BEGIN_NO_QUESTION:
        return ""
    if core[0] in ("have", "do", "don't"):
        # "Have you", but not "have the car washed".
        return "whether" if core[1] in ("i", "you", "we", "they") else ""
    about = words_that.SUBJECTS | words_that.DETERMINERS
    return "whether" if core[1] in about or core[0] in words_that.MODAL else ""


def _must_go_on(words: Sequence[str], before: str, last: str) -> bool:
    if last in words_that.FILLERS:
        return last not in ("well", "like") or before in ("um", "uh", "and", "so", "but", "would", "i'd")
    if last in words_that.CONJUNCTIONS:
        return last != "so" or before not in ("think", "guess", "hope", "believe")
    if last in words_that.TITLES or last in words_that.CONTRACTIONS:
        return True
    if last in words_that.PREPOSITIONS:
        return _preposition_must_go_on(words, before, last)
    if last in words_that.DETERMINERS:
        return _determiner_must_go_on(words, before, last)
    if last in words_that.NEEDS_MORE:
        return last not in words_that.MAY_END or before in (
            "a",
            "the",
            "at",
            "i'm",
            "it's",
            "is",
            "to",
            "and",
        )
    if last == "that":
        if before in ("is", "was") and asks(words) == "what":
            return False  # "what time was that"
        return before in words_that.REPORTING or before in words_that.CONJUNCTIONS
    if last in words_that.ONLY_SUBJECTS:
        # "Where are they".
        return not asks(words) or before not in ("is", "are", "was", "were")
    if last in ("you", "it"):
        return _pronoun_must_go_on(words, before, last)
    if last in words_that.AUXILIARIES:
        if before in words_that.SUBJECTS and not _BEFORE_A_CLAUSE.isdisjoint(words[:-2]):
            return False  # "tell me what it is", "as soon as you can"
        return not asks(words) or before in words_that.ASKING or len(words) <= 3
    if last in words_that.ASKING:
        return before not in ("say", "know")
    if last in words_that.TRANSITIVE:
        if before in words_that.DETERMINERS or before == "that":
            return False  # a noun: "my order", "that note"
        named = {"what", "that", "everything", "anything", "something", "all", "who"}
        return not asks(words) and named.isdisjoint(words[:-2])
    # "In twenty": minutes, hours?
    return numbers.is_number(last) and before in ("in", "every", "within") and last not in numbers.DIGITS


def _preposition_must_go_on(words: Sequence[str], before: str, last: str) -> bool:
    if last in ("on", "in", "over", "around", "through", "by"):
        verbs = words_that.WITH_PARTICLE
        if not verbs.isdisjoint(words[-4:-1]):
            return before not in words_that.OBJECTS and before not in verbs
    may_end = last in words_that.STRANDED or (last == "to" and before.endswith("ing"))
    is_stranded = asks(words) == "what" and len(words) > 3 and may_end
    return not is_stranded or before in ("name", "is", "are")


def _determiner_must_go_on(words: Sequence[str], before: str, last: str) -> bool:
    if last == "her":
        return before in words_that.PREPOSITIONS or before in words_that.GIVING
    if last in _POINTING:
        return before in words_that.PREPOSITIONS and before not in ("about", "with", "of")
    return last != "no" or len(words) > 2


def _pronoun_must_go_on(words: Sequence[str], before: str, last: str) -> bool:
    if before in words_that.CONJUNCTIONS or before in ("that", "think", "hope", "says"):
        return True
    if before not in words_that.AUXILIARIES:
        return False
    # "Could you", "what do you", "is it", but "how are you", "what is it".
    return asks(words) != "what" or before in words_that.MODAL
