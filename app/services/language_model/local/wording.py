"""How the assistant says things: short sentences to be spoken, the first of them shortest.

Speech begins with the first sentence, so replies open with one of few that a voice can keep ready.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from app.services.language_model.interface import Item, ItemKind
from app.services.language_model.local.numbers import suffixed
from app.services.language_model.local.verbs import is_task
from app.services.language_model.local.when import has_time

OPENINGS = ("Okay.", "All right.", "Sure.", "Sorry.", "Hello.", "You're welcome.", "Good.", "Goodbye.")
"""The first sentences of most replies."""
ABLE = "I can keep notes, reminders, to-dos and appointments."
WHAT_TO_DO = "What can I do for you?"
ANYTHING_ELSE = "Is there anything else?"
EXAMPLE = "You can say, for example: remind me to call Anna tomorrow at three."
MOST_READ_BACK = 25
"""Words of a note that are read back; longer dictation is only acknowledged."""
MOST_LISTED = 8
"""Items read out in one go; more than that nobody can follow on the telephone."""

_PLURALS = {"note": "notes", "reminder": "reminders", "todo": "to-dos", "appointment": "appointments"}
_YOURS = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are",
    "i'm": "you're", "i've": "you've", "i'll": "you'll", "i'd": "you'd",
    "our": "your", "us": "you", "we": "you",
}  # fmt: skip
_DETERMINED = re.compile(
    r"(?:the|a|an|my|our|your|his|her|their|this|that|some|another)\b|\w+['’]s\b|[A-Z]", re.ASCII
)


def opening(count: int) -> str:
    """One of a few ways to agree, so that the talk does not sound like a machine's."""
    return OPENINGS[count % 3]


def spoken_time(moment: datetime) -> str:
    """15:00 → "3 PM"."""
    if moment.minute == 0 and moment.hour in (0, 12):
        return "noon" if moment.hour else "midnight"
    minutes = f":{moment.minute:02}" if moment.minute else ""
    return f"{moment.hour % 12 or 12}{minutes} {'AM' if moment.hour < 12 else 'PM'}"


def spoken_day(moment: datetime, now: datetime) -> str:
    """ "today", "tomorrow, Sunday November 22nd", "Tuesday, November 24th", "Friday, January 1st, 2027"."""
    if moment.date() == now.date():
        return "today"
    if moment.date() == now.date() + timedelta(days=1):
        return f"tomorrow, {moment:%A} {moment:%B} {suffixed(moment.day)}"
    return spoken_date(moment) + (f", {moment.year}" if moment.year != now.year else "")


def spoken_date(moment: datetime) -> str:
    """ "Tuesday, November 24th"."""
    return f"{moment:%A}, {moment:%B} {suffixed(moment.day)}"


def spoken_due(due: datetime, now: datetime) -> str:
    """The day and, where it is known, the time: "tomorrow, Sunday November 22nd, at 3 PM"."""
    day = spoken_day(due, now)
    if not has_time(due):
        return day
    return f"{day}{',' if ',' in day else ''} at {spoken_time(due)}"


def on(day: str) -> str:
    """ "Tuesday, …" → "on Tuesday, …"; "tomorrow" and "today" go without."""
    return day if day.startswith(("today", "tomorrow")) else f"on {day}"


def to_you(text: str) -> str:
    """The caller's words turned round: "call my mother" → "call your mother"."""
    return re.sub(
        r"\b(?:I|i|am)(?:['’](?:m|ve|ll|d))?\b|\b(?:me|my|mine|myself|our|us|we)\b",
        lambda match: _YOURS[match[0].lower().replace("’", "'")],
        text,
    )


def read_back(item: Item, now: datetime) -> str:
    """What is kept now, in one sentence."""
    when = on(spoken_due(item.due_at, now)) if item.due_at else ""
    for_when = f"for {when.removeprefix('on ')}" if when else ""
    text = to_you(item.text)
    match item.kind:
        case "reminder":
            if not when:
                return f"I've put down a reminder without a time: {_clause(text)}."
            if is_task(text):
                return f"I'll remind you to {text} {when}."
            return f"I'll remind you {when}: {_clause(text)}."
        case "todo":
            return f"I've put it on your list: {_clause(text)}{', ' + for_when if when else ''}."
        case "appointment":
            return f"I've put down {_thing(text)} {for_when or 'without a time'}."
        case _:
            words = item.text.split()
            if len(words) > MOST_READ_BACK:
                return (
                    f"I've noted all of it, from {_clause(' '.join(words[:4]))}, to {' '.join(words[-3:])}."
                )
            return f"I've noted: {_clause(item.text)}{', ' + for_when if when else ''}."


def described(item: Item) -> str:
    """An item in a few words, within a sentence: "the reminder to call Anna"."""
    text = to_you(" ".join(item.text.split()[:12]))
    if item.kind == "appointment":
        return _thing(text)
    if item.kind == "reminder" and is_task(text):
        return f"the reminder to {text}"
    return f"the {_spoken(item.kind)}, {text}"


def ask_when(item: Item, now: datetime, *, named: bool) -> str:
    """The question for the time of a draft; `named`: it may not be clear which."""
    text = to_you(item.text)
    if item.due_at:
        day = on(spoken_day(item.due_at, now))
        if not named:
            return f"At what time {day}?"
        if item.kind == "appointment":
            return f"At what time is {_thing(text)} {day}?"
        if is_task(text):
            return f"At what time shall I remind you to {text} {day}?"
        return f"At what time shall I remind you of it {day}: {_clause(text)}?"
    if item.kind == "appointment":
        return f"When is {_thing(text)}?"
    if is_task(text):
        return f"When shall I remind you to {text}?"
    return f"When shall I remind you of it: {_clause(text)}?"


def ask_when_again(item: Item, now: datetime) -> str:
    """The same question, for someone whose answer was not understood."""
    if item.due_at:
        return f"I need a time for {spoken_day(item.due_at, now)}, for example half past three."
    return f"I need a day or a time for {described(item)}: for example, tomorrow at three."


def ask_content(kind: ItemKind) -> str:
    """The question for what to keep."""
    match kind:
        case "note":
            return "What shall I note?"
        case "reminder":
            return "What shall I remind you of?"
        case "todo":
            return "What shall I put on your list?"
        case _:
            return "What is the appointment?"


def listing(items: Sequence[Item], kind: ItemKind | None, now: datetime) -> list[str]:
    """The items read out, a sentence each; or that there are none."""
    if not items:
        return [f"You have no {_PLURALS[kind]}." if kind else "You have nothing noted."]
    what = _counted(kind, len(items)) if kind else f"{len(items)} {'thing' if len(items) == 1 else 'things'}"
    shown = items[:MOST_LISTED]
    sentences = [f"You have {what}.", *(_listed(item, now, with_kind=kind is None) for item in shown)]
    if len(items) > len(shown):
        sentences.append(f"And {len(items) - len(shown)} more.")
    return sentences


def _listed(item: Item, now: datetime, *, with_kind: bool) -> str:
    kind = f"A{'n' if item.kind == 'appointment' else ''} {_spoken(item.kind)}: " if with_kind else ""
    text = item.text if item.kind == "note" else to_you(item.text)
    when = f", {spoken_due(item.due_at, now)}" if item.due_at else ""
    open_end = ", still without a time" if item.state == "draft" and not has_time(item.due_at) else ""
    return f"{kind}{_clause(text) if kind else _sentence(text)}{when}{open_end}."


def _counted(kind: ItemKind, count: int) -> str:
    return f"{count} {_spoken(kind) if count == 1 else _PLURALS[kind]}"


def _spoken(kind: ItemKind) -> str:
    return "to-do" if kind == "todo" else kind


def _thing(text: str) -> str:
    return text if _DETERMINED.match(text) else f"the {text}"


def _clause(text: str) -> str:
    """Words fit to stand inside a sentence."""
    return text.rstrip(" .,;:!?")


def _sentence(text: str) -> str:
    text = _clause(text)
    return text[:1].upper() + text[1:]
