"""Moonshine's habits, undone: it was taught by old books and writes as they do. No I/O."""

from __future__ import annotations

import re

_OLD = re.compile(r"\b(to)-(morrow|day|night)\b|\b(good)-(bye)\b", re.IGNORECASE)
_STOPS = re.compile(r"(?<!\.)\.\.(?!\.)")


def modern(text: str) -> str:
    """ "to-morrow" as "tomorrow", "good-bye" as "goodbye"; one full stop where it wrote two."""
    joined = _OLD.sub(lambda match: "".join(part for part in match.groups() if part), text)
    return _STOPS.sub(".", joined).strip()
