"""Requests about the call or about what is kept already, and corrections of it."""

from __future__ import annotations

import re
from datetime import datetime

from app.services.language_model.interface import ItemKind
from app.services.language_model.local.acts import Ask
from app.services.language_model.local.templates import expression, whole
from app.services.language_model.local.wishes import find_wishes
from app.services.language_model.local.words import tidy, without_courtesies

_IT = "(it|that|this|the last (one|thing|item|entry)|the last|(that|this) one)"
_KEPT = (
    "(note|notes|reminder|reminders|list|lists|todo|todos|to-do|to-dos|to do|task|tasks"
    "|appointment|appointments|meeting|meetings|calendar|schedule|agenda)"
)
_EDGES = " ,.;:!?…-"
_KINDS: tuple[tuple[ItemKind, re.Pattern[str]], ...] = (
    ("reminder", re.compile(r"\bremind(?:er)?s?\b", re.I)),
    ("note", re.compile(r"\b(?:notes?|memos?)\b", re.I)),
    ("appointment", re.compile(r"\b(?:appointments?|meetings?|calendar|schedule)\b", re.I)),
    ("todo", re.compile(r"\b(?:to-?dos?|to dos?|tasks?|lists?)\b", re.I)),
)
_NEED = re.compile(r"(?:\b(?:i|we)\b|^)(?:'d|'ve)?\s*\b(?:need|want|have|got|must|should)(?: to)? ", re.I)

_SOMEONE = (
    "[(a|an|the|some|your|our|any|another) ][(real|human|live|actual) ]"
    "(person|people|human[ being]|operator|someone|somebody|agent|representative|manager|colleague"
    "|receptionist)[ (else|real|human|i can (talk|speak) (to|with))][ (please|now|instead|there|here)]"
)
_PERSON = whole(
    "[(need|want|have|like) [to ]](talk|speak|chat) (to|with) " + _SOMEONE,
    f"(transfer|connect|pass) me[ on][ (to|with) {_SOMEONE}][ (please|now)]",
    f"put me through[ to {_SOMEONE}][ (please|now)]",
    f"(get|give|reach|is there) {_SOMEONE}", f"(get|give) me {_SOMEONE}",
    "[(a|an|the) ](operator|human|representative)[ please]",
)  # fmt: skip

_LISTING = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"what(?:'s)?\b.*\b(?:have|got|noted|saved|written|planned|due|coming up|so far|scheduled)\b",
        rf"(?:what|which)(?:'s)?\b.*\b(?:my|the) (?:\w+ )?{expression(_KEPT)}\b",
        r"(?:what|which) (?:notes|reminders|tasks|appointments|meetings)\b",
        r"(?:do i have|have i got|is there|are there|how many|anything)\b.*"
        rf"\b{expression(_KEPT, 'anything', 'something')}\b",
        r"what did i\b",
        r"do i have\b.*\b(?:today|tomorrow|week)\b",
        expression("(read|list|show|tell me|give me|go (over|through)|repeat|review|hear|see|check)")
        + expression("( (me|out|back|up|through|again))")
        + "* "
        + expression(
            "(all|everything)",
            "what (i|you|we) ",
            f"[all ][of ][(my|the|our) ]{_KEPT}",
            f"(my|our) [\\w+ ]{_KEPT}",
        ),
    )
)

_CANCEL = re.compile(
    r"(?:(?:cancel(?:l?ed)?|deleted?|removed?|erase|scratch|drop|clear|strike|discard|undo|forget(?! to\b)"
    rf"|get rid of|take off)(?: (?:about )?(?P<what>.*?))?|never\s*mind(?: (?:about )?{expression(_IT)})?)"
    r"[\s.,!?…]*",
    re.I,
)
# "Canceled the milk" is "cancel the milk" misheard; "I've canceled the milk" is news.
_TOLD = re.compile(r"\b(?:i|we)(?:'ve| have)?(?: (?:already|just))? (?:cancel|delet|remov)\w*ed\b", re.I)

_OWN = r"(?:time|date|day|text|last|reminder|note|appointment|meeting|todo|call)"
_SHOULD_BE = r"(?:it|that)(?:'s| is| was| should be| should say| has to be| must be)"
_BY = re.compile(
    rf"(?:push|move|postpone|delay|shift|bring) (?:{expression(_IT)}|(?:the|my) {_OWN})"
    r"(?: (?P<way>back|forward|up|earlier|later))?(?: by)? (?P<span>(?:an?|half an|\w+) (?:minute|hour)s?)",
    re.I,
)
_CHANGE = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        r"not (?P<old>[^,.;]+?)(?:\s*[,.;]\s*| )(?:but |it's |i said |i meant )(?P<new>.+)",
        r"not (?P<old>[^,.;]+?)\s*[,.;]\s*(?P<new>.+)",
        rf"(?:change|replace|correct|swap) (?P<old>(?!(?:it|that|this|(?:the|my) {_OWN})\b)[^,.;]+?)"
        r" (?:to|with|by|for|into) (?P<new>.+)",
        r"(?:change|move|set|push|shift|reschedule|postpone|put|switch|correct|update|make|bring|delay)"
        rf" (?:{expression(_IT)}|(?:the|my) {_OWN}(?: of \w+)?)(?: (?:back|forward|up|instead|rather))?"
        r"(?: from [^,.;]+?(?= to ))?(?: (?:to|for|into|by|say|read|at))? (?P<new>\S.*)",
        rf"{_SHOULD_BE} (?P<new>[^,.;]+?),\s*not (?P<old>.+)",
        r"(?:it|that) (?:should (?:be|say|read)|has to be|must be|was supposed to be) (?P<new>.+)",
        r"(?P<new>[\w' -]+?),\s*not (?P<old>[\w' -]+)",
        r"(?P<new>.+?) instead(?: of (?P<old>.+))?",
    )
)


def find_command(text: str, now: datetime) -> Ask | None:
    """The request that `text` is: a transfer, to cancel, to list or to change something."""
    core = without_courtesies(text)
    if _PERSON.fullmatch(core):
        return Ask("person")
    order = _NEED.sub("", core)
    if (cancelled := _CANCEL.fullmatch(order)) and not _TOLD.search(text):
        what = cancelled["what"] or ""
        # "I need to cancel my membership" may be something to keep.
        if not _NEED.search(text) or whole(_IT).fullmatch(what) or kind_named(what):
            return Ask("cancel", what, kind_named(what))
    if any(pattern.match(each) for pattern in _LISTING for each in (core, order)):
        return Ask("list", core, kind_named(re.sub(r"^list\b|\bi note\b", "", order, flags=re.I)))
    return _find_change(core.strip(_EDGES), now)


def kind_named(text: str) -> ItemKind | None:
    """The one kind of item that these words name."""
    kinds = [kind for kind, pattern in _KINDS if pattern.search(text)]
    return kinds[0] if len(kinds) == 1 else None


def _find_change(text: str, now: datetime) -> Ask | None:
    if by := _BY.fullmatch(text):
        way = "earlier" if (by["way"] or "").lower() in ("forward", "up", "earlier") else "later"
        return Ask("change", f"{by['span']} {way}")
    for pattern in _CHANGE:
        if match := pattern.fullmatch(text):
            groups = match.groupdict()
            _, wishes = find_wishes(groups["new"], now)
            if len(wishes) == 1:
                return Ask("change", kind=wishes[0].kind, wish=wishes[0])
            return Ask("change", tidy(groups["new"]), old=tidy(groups.get("old") or ""))
    return None
