"""Moonshine's habits, undone: it writes as the old books that taught it, and hears "You" in noise. No I/O."""

from __future__ import annotations

import re

_OLD = re.compile(r"\b(to)-(morrow|day|night)\b|\b(good)-(bye)\b", re.IGNORECASE)
_CLOCK = re.compile(r"\b(?:half-past|quarter-(?:past|to|after|before|till))\b(?:-(?=\w))?", re.IGNORECASE)
_HOURS = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_O_CLOCK = re.compile(
    rf"\b({_HOURS}|\d\d?)[ -](?:to|of|oh?|a)(?:[ -](?:a|the|o))?[ '-]clock\b", re.IGNORECASE
)
_STOPS = re.compile(r"(?<!\.)\.\.(?!\.)")


def modern(text: str) -> str:
    """ "to-morrow" as "tomorrow", "half-past" as "half past", "three to clock" as "three o'clock"; one full
    stop for two. "You" alone, which no caller says and every cough is taken for, as nothing.
    """
    joined = _OLD.sub(lambda match: "".join(part for part in match.groups() if part), text)
    spaced = _CLOCK.sub(lambda match: match[0].replace("-", " "), joined)
    clock = _O_CLOCK.sub(r"\1 o'clock", spaced)
    text = _STOPS.sub(".", clock).strip()
    return "" if text.casefold().rstrip(".,!?") == "you" else text
