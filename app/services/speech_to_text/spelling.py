"""Moonshine's habits, undone: it was taught by old books and writes as they do. No I/O."""

from __future__ import annotations

import re

_OLD = re.compile(r"\b(to)-(morrow|day|night)\b|\b(good)-(bye)\b", re.IGNORECASE)
_CLOCK = re.compile(r"\b(?:half-past|quarter-(?:past|to|after|before|till))\b(?:-(?=\w))?", re.IGNORECASE)
_STOPS = re.compile(r"(?<!\.)\.\.(?!\.)")


def modern(text: str) -> str:
    """ "to-morrow" as "tomorrow", "half-past three" as "half past three"; one full stop for two."""
    joined = _OLD.sub(lambda match: "".join(part for part in match.groups() if part), text)
    spaced = _CLOCK.sub(lambda match: match[0].replace("-", " "), joined)
    return _STOPS.sub(".", spaced).strip()
