"""Corrections: what an item becomes when the caller says "not Anna, Emma" or "no, make it four"."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.services.language_model.interface import Item
from app.services.language_model.local.clock import take_time
from app.services.language_model.local.days import names_calendar, take_day
from app.services.language_model.local.verbs import is_task
from app.services.language_model.local.when import When, find_answer
from app.services.language_model.local.wishes import separate
from app.services.language_model.local.words import tidy

_SHORT = 6
"""Words of a text of which the last is what a single word corrects."""
_ALIKE = 0.6
"""difflib's ratio from which one word replaces another: Bob and Rob have 0.67, Anna and Emma 0.25."""
_PREPOSITION = re.compile(r"(with|about|from|for)\s", re.I)
_DETERMINER = re.compile(r"\b(?:the|a|an|my|our|your|his|her|their)\s", re.I)


def corrected(item: Item, new: str, old: str, now: datetime) -> tuple[Item, When]:
    """The item with its text changed as far as `new` speaks of it, and the time that `new` names."""
    if item.kind == "note" and item.due_at is None:
        return msgspec.structs.replace(item, text=_note_corrected(item.text, new, old, now)), When()
    when, rest = find_answer(new, now)
    text = separate(rest, now)[0] if when else tidy(new)
    if old and find_answer(old, now)[0]:
        old = ""  # "at four, not at three"
    if text and _speaks_of_text(text, old, timed=bool(when) or names_calendar(new)):
        item = msgspec.structs.replace(item, text=_replaced(item.text, text, old))
    return item, when


def _speaks_of_text(new: str, old: str, *, timed: bool) -> bool:
    """Whether `new` is about the words of an item.

    What names a day or a time (`timed`: "December six, I think") only is if it says what it takes away, adds
    with whom ("with Emma at four") or is something to do.
    """
    return not timed or bool(old) or _PREPOSITION.match(new) is not None or is_task(new)


def likeliest_first(items: Sequence[Item], target: Item, new: str, now: datetime) -> list[Item]:
    """The items that `new` may correct: `target`, then newest first; but a name corrects a name."""
    order = [target, *(item for item in reversed(items) if item is not target)]
    if new[:1].isupper() and not find_answer(new, now)[0]:
        order.sort(key=lambda item: not _names(item.text.split()))
    return order


def _note_corrected(text: str, new: str, old: str, now: datetime) -> str:
    """A note's text keeps its times as they were said, so a new time takes the place of the old words."""
    when, rest = find_answer(new, now)
    if not when or tidy(rest):
        timed = bool(when) or names_calendar(new)
        return _replaced(text, tidy(new), old) if _speaks_of_text(new, old, timed=timed) else text
    without = text
    if when.day:
        _, without = take_day(without, now)
    if when.time:
        _, without = take_time(without)
        new = new if take_time(new)[0] else f"at {new}"
    return without if without == text else f"{tidy(without)} {new}"


def _replaced(text: str, new: str, old: str) -> str:
    """`text` with `new` in the place of `old`; without `old`, in the place of what it most likely corrects.

    That is: everything, if `new` has several words; from a preposition or the last determiner on, if it
    begins with one; for
    a word or a name, the word spelt most like it, or else the last name, or else, in a short text, the last
    word. `text` itself where none of that is found.
    """
    if not new:
        return text
    if old and _contains(text, old):
        return re.sub(rf"\b{re.escape(old)}\b", lambda _: new, text, count=1, flags=re.I)
    words, news = text.split(), new.split()
    if not old:
        if preposition := _PREPOSITION.match(new):
            # "With Rob": what was with somebody else, or with nobody yet.
            return re.sub(rf"\s*\b{preposition[1]}\b.*|$", lambda _: f" {new}", text, count=1, flags=re.I)
        if _DETERMINER.match(new):
            starts = [match.start() for match in _DETERMINER.finditer(text)]
            return text[: starts[-1]] + new if starts else new
        named = all(word[:1].isupper() for word in news)
        if len(news) > 2 or (len(news) == 2 and not named) or len(words) == 1:
            return new
    place = _place(words, old or new, alike_only=bool(old))
    if place is None:
        return text
    end = words[place][len(words[place].rstrip(".,;:!?")) :]
    words[place] = new + end
    return " ".join(words)


def _place(words: list[str], like: str, *, alike_only: bool) -> int | None:
    """The index of the word to replace."""
    ratios = [
        difflib.SequenceMatcher(None, word.lower().strip(".,;:!?"), like.lower()).ratio() for word in words
    ]
    if max(ratios) >= _ALIKE:
        return ratios.index(max(ratios))
    if alike_only:
        return None
    if like[:1].isupper() and (names := _names(words)):
        return names[-1]
    return len(words) - 1 if len(words) <= _SHORT else None


def _names(words: Sequence[str]) -> list[int]:
    """The places of words that are capitalised within a sentence."""
    return [index for index, word in enumerate(words) if index and word[:1].isupper()]


def _contains(text: str, words: str) -> bool:
    return re.search(rf"\b{re.escape(words)}\b", text, re.I) is not None
