"""What a recogniser wrote, as words to reason about. No I/O.

Recognisers differ in case and punctuation: Google's interims have neither, moonshine ends nearly everything
with a full stop. So words are compared in lower case, and of the punctuation only what proves something is
kept.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_WORD = re.compile(r"\d+(?:[.:,]\d+)*(?:st|nd|rd|th)?|[^\W\d_]+(?:'[^\W\d_]+)*")
_HALF_OF_DAY = re.compile(r"\b([ap])\.?\s?m\b\.?", re.I)
_ABBREVIATION = re.compile(r"\b(mr|mrs|ms|dr|st)\.", re.I)


class Heard(NamedTuple):
    """The words of a text."""

    words: list[str]
    """In lower case, without punctuation: `["i'm", "free", "at", "3:30", "pm"]`."""
    mark: str
    """The punctuation at the end, as far as it proves something: `?`, or `,` for any that says that more is
    to come; else empty."""
    begins: list[int]
    """Where sentences begin, as far as full stops tell: always 0 first."""


def read(text: str) -> Heard:
    """The words of a recogniser's text."""
    text = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    text = _HALF_OF_DAY.sub(r"\1m ", text)
    text = _ABBREVIATION.sub(r"\1", text)
    words: list[str] = []
    begins = [0]
    end = 0
    for word in _WORD.finditer(text):
        between = text[end : word.start()]
        if words and ("." in between or "?" in between or "!" in between) and ".." not in between:
            begins.append(len(words))
        words.append(word.group().lower())
        end = word.end()
    return Heard(words, _mark(text[end:]), begins)


def _mark(rest: str) -> str:
    if "?" in rest:
        return "?"
    if ".." in rest or any(mark in rest for mark in ",;:-–—…"):
        return ","
    return ""
