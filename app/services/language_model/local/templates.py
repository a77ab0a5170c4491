"""Sentence templates, in the notation of Rhasspy and Home Assistant: "(one|another)", "[optional ]words".

They match plain text (`words.plain`): single spaces, straight apostrophes, in any case.
"""

from __future__ import annotations

import re


def word_list(text: str) -> tuple[str, ...]:
    """Words set apart by white space."""
    return tuple(text.split())


def expression(*templates: str) -> str:
    """A regular expression for any of the templates."""
    joined = "|".join(template.replace("(", "(?:").replace("[", "(?:") for template in templates)
    return f"(?:{joined.replace(']', ')?')})"


def starting(*templates: str, before: str = r"\b") -> re.Pattern[str]:
    """A pattern for any of the templates, anywhere in a text, as whole words."""
    return re.compile(rf"\b{expression(*templates)}{before}", re.I)


def whole(*templates: str) -> re.Pattern[str]:
    """A pattern for any of the templates with nothing after it but punctuation."""
    return re.compile(rf"{expression(*templates)}[\s.,!?…]*", re.I)
