"""How long a voice takes to say each word of a text, as far as its spelling tells. No I/O.

Only the proportions matter: the audio tells how long the whole took (`word_times`). So what is counted is
syllables and consonants, and digits and abbreviations are first written out: "22nd" is one word of four
characters, and five syllables.
"""

from __future__ import annotations

import re
from functools import lru_cache

SYLLABLE_MS = 110.0
CONSONANT_MS = 40.0
LAST_WORD_MS = 60.0
"""What each syllable and each consonant of a word takes, and what a word before a pause is longer. From
least squares over 3260 words spoken by Piper's joe and four voices of flite, then what heard_words.py liked
best among the near. Voices differ less in these proportions than words do."""

WEAK = 0.75
"""Of that is what is left of a word that is never stressed."""

_TOKEN = re.compile(r"\d[\d.,:]*\d|\d|[^\W\d_]+(?:['’][^\W\d_]+)*|[$€£%&@+#/=°]")
_ENDS_PHRASE = re.compile(r"[,;:.?!…—–][\"'”’)\]]*$")
_VOWELS = re.compile(r"[aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüýÿœ]+")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxzñçß]")
_SILENT_END = re.compile(
    r"(?<=[aeiouy][^aeiouylr])e$|(?<=[aeiouy][lr])e$|(?<=[^aeioudt])ed$|(?<=[^aeioucgsxz])es$"
)
_DOUBLED = re.compile(r"([bcdfghjklmnpqrstvwxz])\1|(?<=[cgpstw])h|(?<=c)k|gh")

_WRITTEN_OUT = {
    "dr": "doctor", "mr": "mister", "mrs": "missis", "ms": "miz", "st": "saint", "vs": "versus",
    "ave": "avenue", "$": "dollars", "€": "euros", "£": "pounds", "%": "per cent", "&": "and", "@": "at",
    "+": "plus", "#": "number", "/": "slash", "=": "equals", "°": "degrees",
}  # fmt: skip
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {"st": "first", "nd": "second", "rd": "third", "th": ""}
"""A "th" adds no syllable."""
_WEAK_WORDS = frozenset(
    ("a", "an", "the", "of", "to", "and", "or", "with", "it", "at", "from", "that", "is", "in", "as", "than")
)


@lru_cache(maxsize=4096)
def spoken_ms(word: str) -> float:
    """How long a word, with what punctuation clings to it, takes at an ordinary pace; 1 for a lone dash."""
    said = written_out(word)
    stress = WEAK if said in _WEAK_WORDS else 1.0
    last = LAST_WORD_MS if ends_phrase(word) else 1.0
    return last + stress * sum(
        SYLLABLE_MS * syllables(part) + CONSONANT_MS * consonants(part) for part in said.split()
    )


def ends_phrase(word: str) -> bool:
    """Whether punctuation after the word makes a voice pause."""
    return _ENDS_PHRASE.search(word) is not None and word[:-1].lower() not in _WRITTEN_OUT


def syllables(word: str) -> int:
    """Of a word in lower case. Letters that are not Latin count one each."""
    latin = _SILENT_END.sub("", word)
    other = sum(
        character.isalpha() and not character.isascii() and ord(character) > 0x24F for character in word
    )
    return max(1, len(_VOWELS.findall(latin)) + other)


def consonants(word: str) -> int:
    """Those heard: "ll" and "th" are one sound each."""
    return len(_CONSONANTS.findall(_DOUBLED.sub("t", word)))


def written_out(word: str) -> str:
    """A word as it is spoken, in lower case: "7:30" → "seven thirty", "PM," → "pee em"."""
    said = []
    tokens = _TOKEN.findall(word)
    for place, token in enumerate(tokens):
        if token[0].isdecimal():
            said.append(_number(token))
        elif place and tokens[place - 1][-1].isdecimal() and token.lower() in _ORDINALS:
            number = said.pop().split()
            said += (*number[:-1], _ORDINALS[token.lower()] or number[-1])
        elif _is_spelled(token):
            said += ["double you" if letter in "wW" else f"{letter.lower()}e" for letter in token]
        else:
            said.append(_WRITTEN_OUT.get(token.lower(), token.lower()))
    return " ".join(said)


def _is_spelled(token: str) -> bool:
    if not token.isascii() or not token.isupper():
        return False
    return token not in ("A", "I") if len(token) == 1 else len(token) <= 3


def _number(token: str) -> str:
    if ":" in token:
        hour, _, minute = token.partition(":")
        return f"{_number(hour)} {'o clock' if minute == '00' else _two_digits(minute)}"
    is_counted = "," in token
    token = token.replace(",", "")
    if "." in token:
        whole, _, decimals = token.partition(".")
        return f"{_number(whole or '0')} point {_digits(decimals)}"
    if token.startswith("0") or len(token) > 6:
        return _digits(token)
    return _cardinal(int(token), is_year=not is_counted)


def _digits(token: str) -> str:
    return " ".join(_ONES[int(digit)] for digit in token if digit.isdecimal())


def _two_digits(token: str) -> str:
    value = int(re.sub(r"\D", "", token) or 0)
    return f"oh {_ONES[value]}" if value < 10 else _cardinal(value)


def _cardinal(value: int, *, is_year: bool = False) -> str:
    if value < 20:
        return _ONES[value]
    if value < 100:
        return " ".join((_TENS[value // 10 - 2], *([_ONES[value % 10]] if value % 10 else [])))
    if is_year and (1100 <= value < 2000 or 2010 <= value < 2100):
        # A year, or a house: "nineteen eighty four".
        return f"{_cardinal(value // 100)} {_two_digits(str(value % 100)) if value % 100 else 'hundred'}"
    size, name = (1000, "thousand") if value >= 1000 else (100, "hundred")
    rest = value % size
    return f"{_cardinal(value // size)} {name}" + (f" {_cardinal(rest)}" if rest else "")
