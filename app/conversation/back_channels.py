"""The small sounds of somebody who listens. No I/O."""

from __future__ import annotations

from app.conversation.heard_words import read

_SOUNDS = frozenset(
    """
    aha ah mhm mhmm mm mmh mmm mmhmm hm hmm hmmm huh hum uh um uhhuh uhuh oh ooh
    yeah yep yup yes ya okay ok right sure alright
    cool great good nice perfect wow really exactly absolutely definitely fine understood interesting
    """.split()  # noqa: SIM905
)
_PHRASES = frozenset(
    tuple(phrase.split())
    for phrase in (
        "i see", "i know", "i understand", "i hear you", "got it", "gotcha", "i got it", "all right",
        "of course", "that's right", "that's true", "that's good", "that's great", "that's fine",
        "makes sense", "that makes sense", "fair enough", "go on", "sounds good", "very good", "very nice",
        "oh i see", "true", "no problem", "uh huh", "mm h", "m hm", "you're right", "oh wow", "oh really",
        "oh nice", "i agree",
    )
)  # fmt: skip
_BEGUN = frozenset(phrase[:words] for phrase in _PHRASES for words in range(1, len(phrase))) - {("no",)}
"""What such a phrase may be told as before its last word is. "No" is said more often alone."""
_LONGEST = 4
"""Words; "okay, yeah, I see" is one, more is somebody who wants to say something."""
_NEITHER = {"really"}
"""Asks for an answer when asked alone."""


def is_back_channel(text: str) -> bool:
    """Whether `text` is nothing but a sign of listening: "mm-hm", "yeah", "okay", "I see".

    Said while the agent speaks it is no turn; said after a question, "yeah" is an answer.
    """
    words, mark, _ = read(text)
    if not words or len(words) > _LONGEST or (mark == "?" and _NEITHER.intersection(words)):
        return False
    return _is_made_of_signs(tuple(words))


def may_become_back_channel(words: tuple[str, ...]) -> bool:
    """Whether words in lower case, so far, are the beginning of one: "got", "sounds", "oh I"."""
    return any(words[at:] in _BEGUN and _is_made_of_signs(words[:at]) for at in range(len(words)))


def _is_made_of_signs(words: tuple[str, ...]) -> bool:
    if not words:
        return True
    if words[0] in _SOUNDS and _is_made_of_signs(words[1:]):
        return True
    return any(
        words[: len(phrase)] == phrase and _is_made_of_signs(words[len(phrase) :]) for phrase in _PHRASES
    )
