"""Words that carry no meaning of their own: fillers, politeness, and what joins the rest to a sentence."""

from __future__ import annotations

import re

_EDGE = r"[\s,.;:!?…-]"
_UM = r"u+m+|u+h+|e+r+m?"
_FILLERS = re.compile(rf"(?:^|(?<=[\s,]))(?:{_UM})\b[,.…]*\s*", re.I)


def _any(*alternatives: str) -> str:
    """A pattern for any of the words that these strings list, separated by "|"; whole words only."""
    return rf"(?:{_EDGE}|\b(?:{'|'.join(alternatives)})(?=$|{_EDGE}))"


_POLITE = re.compile(
    _any(
        rf"{_UM}|a+h+|o+h+|h+m+|mm+|well|so|okay|ok|alright|all right|now|but|just|maybe|listen|actually",
        r"hello|hi|hey|there|good (?:morning|afternoon|evening|day)|thanks|thank you|please|kindly|off ?hook",
        r"yeah|yes|yep|sure|great|right|perfect|and|also|then|plus|first|next|go ahead|let me|let's|you",
        r"(?:can|could|would|will|should) (?:you|i|we)|i was wondering if|is it possible to|do me a favou?r",
        r"(?:i|we)(?:'d|'ll| would| will)? (?:like|love|want|need)(?: you| for you)?(?: to)?|i wanna|help me",
        r"i|we|i'd|i've",
    )
    + "*",
    re.I,
)
_LEADING = re.compile(
    _any(rf"{_UM}|that|about|of|saying|says|which says|and it says|please|down|for me|the following") + "*",
    re.I,
)
_LEADING_TO_A_TASK = re.compile(
    _any(rf"{_UM}|to|that|about|of|saying|says|which says|called|please|is|me|down|and|so|it|on|at|for")
    + "*",
    re.I,
)
_TRAILING = re.compile(
    rf"(?:{_EDGE}|(?<=[\s,.])(?:{_UM}|please|thanks|thank you|okay|ok|for me|(?:will|would|can) you"
    r"|and|also|then|that|to|at|on|by|around|for))+$",
    re.I,
)
_POLITE_END = re.compile(rf"{_EDGE}+(?:please|thanks|thank you){_EDGE}*$", re.I)
_NOTHING = re.compile(
    r"(?:something|this|that|it|these|anything|things?|a|an|the|one|stuff|item|you|me|my)?", re.I
)


def plain(text: str) -> str:
    """`text` in one line with single spaces and plain apostrophes, without "um" and "uh"."""
    return _FILLERS.sub("", " ".join(text.replace("’", "'").split()))


def without_courtesies(text: str) -> str:
    """What `text` says without courtesies around it: "Okay, um, could you call, please?" → "call"."""
    match = _POLITE.match(text)
    core = text[match.end() :] if match else text
    return _POLITE_END.sub("", core)


def tidy(words: str, *, task: bool = False) -> str:
    """Words without what joins them to the rest of a sentence; empty if nothing is left that says anything.

    `task`: they follow "remind me" or the like, so a "to" at the beginning joins them as well.
    """
    text = re.sub(r"\s+([,.;:!?])", r"\1", plain(words))
    text = re.sub(r"([,;:])[,.;:!?]+", r"\1", text)
    if leading := (_LEADING_TO_A_TASK if task else _LEADING).match(text):
        text = text[leading.end() :]
    text = _TRAILING.sub("", text)
    if _NOTHING.fullmatch(text) or not any(character.isalnum() for character in text):
        return ""
    return text
