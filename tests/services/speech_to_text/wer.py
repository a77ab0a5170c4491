"""Word error rate: how far what was recognised is from what was said."""

from __future__ import annotations

import re

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
SPELLINGS = {"mr": "mister", "mrs": "missus", "ok": "okay"}


def words(text: str) -> list[str]:
    """The words of a text: lower case, without punctuation, numbers as they are spoken."""
    found: list[str] = []
    for token in re.findall(r"\d+(?:st|nd|rd|th)?|[a-z']+", text.lower().replace("’", "'")):
        if token[0].isdigit():
            found += _number(token)
        else:
            plain = token.replace("'", "")
            found.append(SPELLINGS.get(plain, plain))
    return [word for word in found if word]


def errors(reference: str, hypothesis: str) -> int:
    """The fewest words to replace, insert or delete to get from one to the other."""
    wanted, got = words(reference), words(hypothesis)
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def rate(reference: str, hypothesis: str) -> float:
    """Errors per word of the reference."""
    return errors(reference, hypothesis) / len(words(reference))


def _number(token: str) -> list[str]:
    """ "28" is "twenty eight", "1928" is said as a year, "5th" is "fifth"; others digit by digit."""
    digits = re.match(r"\d+", token)
    assert digits is not None
    spoken: list[str] = []
    if len(digits[0]) in (1, 2, 4):
        for pair in re.findall(r"\d{2}|\d", digits[0]):
            spoken += _below_hundred(int(pair))
    else:
        spoken = [ONES[int(digit)] for digit in digits[0]]
    if digits[0] != token:
        last = spoken[-1]
        ordinal = last[:-1] + "ieth" if last.endswith("y") else last + "th"
        spoken[-1] = ORDINALS.get(last, ordinal)
    return spoken


def _below_hundred(number: int) -> list[str]:
    if number < len(ONES):
        return [ONES[number]]
    return [TENS[number // 10]] + ([ONES[number % 10]] if number % 10 else [])
