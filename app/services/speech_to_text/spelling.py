"""Moonshine's habits, undone: it writes as the old books that taught it, and hears "You" in noise. No I/O."""

from __future__ import annotations

import re

_OLD = re.compile(r"\b(to)-(morrow|day|night)\b|\b(good)-(bye)\b", re.IGNORECASE)
_CLOCK = re.compile(r"\b(?:half-past|quarter-(?:past|to|after|before|till))\b(?:-(?=\w))?", re.IGNORECASE)
_STOPS = re.compile(r"(?<!\.)\.\.(?!\.)")


def modern(text: str) -> str:
    """ "to-morrow" as "tomorrow", "half-past three" as "half past three"; one full stop for two. "You" alone,
    which no caller says and every cough is taken for, as nothing.
    """
    joined = _OLD.sub(lambda match: "".join(part for part in match.groups() if part), text)
    spaced = _CLOCK.sub(lambda match: match[0].replace("-", " "), joined)
    text = _STOPS.sub(".", spaced).strip()
    return "" if text.casefold().rstrip(".,!?") == "you" else text
