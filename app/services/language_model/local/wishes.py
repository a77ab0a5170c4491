"""Wishes: what an utterance asks to have kept, and for when."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from app.services.language_model.interface import ItemKind
from app.services.language_model.local.openings import OPENINGS, Opening
from app.services.language_model.local.verbs import is_task
from app.services.language_model.local.when import When, find_when
from app.services.language_model.local.words import tidy, without_courtesies

_JOINT = re.compile(r"[.,;:!?…]|\b(?:and|also|then|plus)\b", re.I)
_AND_AT_END = re.compile(r"\b(?:and|also|then|plus)\b(?: (?:please|also|(?:can|could|would) you))*\s*$", re.I)
_IS = re.compile(r" (?:is|are)(?= (?:on|at|in|next|today|tomorrow)\b)", re.I)
_SCRAPS = re.compile(r"\W*(?:(?:and|but|so|i|can|to|of|in|the|a)\b\W*){1,3}", re.I)
"""What is left of a false start, or of an echo of the assistant's own words: "And to remind me"."""
_BACK = re.compile(r"\b(?:that|it|this)\b", re.I)


@dataclass(frozen=True, slots=True)
class Wish:
    """Something to keep. `words` still hold the time; those of a `verbatim` note are left alone."""

    kind: ItemKind
    words: str
    verbatim: bool = False
    soft: bool = False
    """Said of a need ("I have to…"), not to the assistant ("remind me…")."""
    refers_back: bool = False
    """It points at what was said before: "note that down"."""


def find_wishes(text: str, now: datetime) -> tuple[str, tuple[Wish, ...]]:
    """What `text` asks to keep, in order, and the words before that which are no part of it."""
    openings = _find_openings(text, now)
    if not openings:
        return text, ()
    head = text[: openings[0][1].start()]
    # "Tomorrow at three, and add milk to my list": the time belongs to something else.
    own = without_courtesies(_AND_AT_END.sub("", head)) if _AND_AT_END.search(head) else ""
    ends = [match.start() for _, match in openings[1:]] + [len(text)]
    wishes: list[Wish] = []
    for (opening, match), end in zip(openings, ends, strict=True):
        words = f"{match.groupdict().get('what') or ''} {text[match.end() : end]}"
        lead = "" if own or wishes or _SCRAPS.fullmatch(head) else without_courtesies(head)
        wishes += _read(opening, match[0], words, lead, now)
    return own, tuple(wishes)


def separate(words: str, now: datetime) -> tuple[str, When]:
    """What to remember, and when: "call Anna tomorrow at three" → "call Anna", tomorrow at three."""
    when, rest = find_when(words, now)
    text = re.sub(r"\band to\b", "and", tidy(rest, task=True))
    return (text[:1].lower() + text[1:] if is_task(text) else text), when


def _find_openings(text: str, now: datetime) -> list[tuple[Opening, re.Match[str]]]:
    candidates = [
        (match.start(), rank, opening, match)
        for rank, opening in enumerate(OPENINGS)
        for match in opening.pattern.finditer(text)
    ]
    found: list[tuple[Opening, re.Match[str]]] = []
    end = 0
    for start, _, opening, match in sorted(candidates, key=lambda candidate: candidate[:2]):
        between = text[end:start]
        if start < end or not _may_open(between, now, first=not found):
            continue
        if found and not without_courtesies(between) and "what" not in found[-1][1].groupdict():
            # "Remind me to add milk to my list": the rest is what to be reminded of. But
            # "I need to make an appointment": the need is none of its own.
            if not found[-1][0].soft:
                continue
            found.pop()
        found.append((opening, match))
        end = match.end()
    return found


def _may_open(before: str, now: datetime, *, first: bool) -> bool:
    """Whether a wish may begin after these words: at the start, after a joint, or after its own time."""
    if first and _SCRAPS.fullmatch(before):
        return True
    joints = [0, *(joint.end() for joint in _JOINT.finditer(before))]
    if any(not without_courtesies(before[joint:]) for joint in joints):
        return True
    return first and not without_courtesies(find_when(before, now)[1])


def _read(opening: Opening, asked: str, words: str, lead: str, now: datetime) -> list[Wish]:
    """The wish, or several, that an opening and the words after it (and before it: `lead`) come to."""
    if opening.verbatim:
        text = tidy(words)
        back = not text and _BACK.search(f"{asked} {words}") is not None
        return [Wish(opening.kind, text, verbatim=True, refers_back=back)]
    words = re.sub(r"^\W*wake me(?: up)?\b", "wake up", words, flags=re.I)
    text = separate(words, now)[0]
    if lead and not text:
        words = _IS.sub("", lead)  # "Anna's birthday is on Friday, remind me."
    elif lead and not separate(lead, now)[0]:
        words = f"{words} {lead}"  # "Tomorrow at three, remind me to call Anna."
    wish = Wish(opening.kind, words, soft=opening.soft)
    # "Call Anna at three and to buy milk at five" is two; without two times it is one.
    parts = re.split(r" and (?:then )?to ", words, flags=re.I)
    if len(parts) > 1 and all(find_when(part, now)[0] for part in parts):
        return [replace(wish, words=part) for part in parts]
    return [wish]
