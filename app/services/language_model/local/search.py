"""Which of the kept items a caller speaks of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from app.services.language_model.interface import Item, ItemKind
from app.services.language_model.local.templates import word_list
from app.services.language_model.local.when import find_when

_ALL = re.compile(r"\b(?:everything|all|both)\b", re.I)
_PLURAL = re.compile(r"\b(?:notes|reminders|to-?dos|tasks|appointments|meetings)\b", re.I)
_FIRST = re.compile(r"\bfirst\b", re.I)
# Words that say which kind of thing or merely join; they do not tell one item from another.
_COMMON = frozenset(
    word_list("""
        a about all an and any are appointment appointments at both calendar can do entry everything first for
        from have i in into is it item items last list me meeting my note notes of off on one our please
        reminder reminders task tasks that the this thing to todo todos was what with you your
    """)
)


def to_cancel(items: Sequence[Item], words: str, kind: ItemKind | None, now: datetime) -> tuple[Item, ...]:
    """What "cancel …" takes back.

    "It" is the newest item, "all my notes" is every one, "the dentist" the one that is called so.
    """
    telling = _telling_words(words)
    if telling:
        # A word in common says more than the kind: people call appointments meetings.
        named = [(len(telling & _telling_words(item.text)), item) for item in items]
        best = max((score for score, _ in named), default=0)
        if best:
            return tuple(item for score, item in named if score == best)[-1:]
    of_kind = [item for item in items if kind in (None, item.kind)]
    day = find_when(words, now)[0].day
    if day:
        return tuple(item for item in of_kind if item.due_at and item.due_at.date() == day)
    if telling:
        return ()
    if _ALL.search(words) or (kind and _PLURAL.search(words)):
        return tuple(of_kind)
    return tuple(of_kind[:1] if _FIRST.search(words) else of_kind[-1:])


def to_list(items: Sequence[Item], words: str, kind: ItemKind | None, now: datetime) -> tuple[Item, ...]:
    """What "what do I have …" asks for: of a kind, of a day, or everything."""
    day = find_when(words, now)[0].day
    return tuple(
        item
        for item in items
        if kind in (None, item.kind)
        and (day is None or (item.due_at is not None and item.due_at.date() == day))
    )


def _telling_words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) - _COMMON
