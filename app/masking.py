"""Numbers and addresses of people, made unreadable: in logs always, in transcripts when asked for. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator

CARD, ACCOUNT, PHONE, EMAIL = "[card number]", "[account number]", "[phone number]", "[e-mail address]"
SECRET = "[secret]"  # noqa: S105 - what stands in place of one

_WRITTEN = re.compile(
    r"""
    # What only looks like a number of somebody's: times, Twilio's SIDs, UUIDs.
      (?P<keep> \b\d{4}-\d\d-\d\d (?: [ T]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)? )? (?!\d)
              | \b[A-Z]{2}[0-9a-f]{32}\b
              | \b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b )
    | (?P<secret> (?<![\w-]) (?: eyJ[\w-]{8,}\.[\w-]+\.[\w-]+ | sk-[\w-]{16,} ) )
    | (?P<email> (?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+ )
    | (?P<iban> \b[A-Z]{2}\d\d(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b )
    | (?P<account> (?i: (?<=account[ ]) | (?<=account[ ]number[ ]) | (?<=account[ ]number[ ]is[ ]) )
                   \d(?:[ -]?\d){5,16}\b )
    | (?P<number> (?<![\w.]) (?: \+?\(?\d (?:[ ()-]{0,2}\d){6,18} | \d{3}\.\d{3}\.\d{4} ) (?![\w]|\.\d) )
    """,
    re.VERBOSE,
)

_LOCAL = re.compile(r"\d{3}[ -]\d{4}")
"""A telephone number without its area code: 555-0199."""

_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS = (
    dict.fromkeys(("zero", "oh", "o", "nought"), "0")
    | {word: str(value) for value, word in enumerate(_UNITS, 1)}
    | {word: str(value) for value, word in enumerate(_TEENS, 10)}
    | {word: str(10 * value) for value, word in enumerate(_TENS, 2)}
)
_TIMES = {"double": 2, "triple": 3}

_WORD = re.compile(r"[A-Za-z]+|\d+")
_BETWEEN = re.compile(r"[\s,.\-–—]{1,4}")
"""What may stand between two words of one spoken number."""

SHORTEST_SPOKEN = 7
"""Digits: a local telephone number. Years, prices and times of day have fewer."""


def mask(text: str) -> str:
    """The text without card and account numbers, telephone numbers, e-mail addresses, tokens and keys, as
    people and programs write them. A card number is one that passes the Luhn check (ISO/IEC 7812-1), an
    account number one that passes the IBAN's (ISO 13616) or is called one.
    """
    return _WRITTEN.sub(_masked, text)


def mask_speech(text: str) -> str:
    """`mask` for what was said: numbers spoken digit by digit as well, "four one one, double one …"."""
    text = mask(text)
    pieces, end = [], 0
    for start, stop, digits in _spoken(text):
        pieces += [text[end:start], CARD if _is_card(digits) else PHONE]
        end = stop
    return "".join([*pieces, text[end:]])


def _masked(match: re.Match[str]) -> str:
    found = match.group()
    match match.lastgroup:
        case "secret":
            return SECRET
        case "email":
            return EMAIL
        case "account":
            return ACCOUNT
        case "iban" if _is_iban(found):
            return ACCOUNT
        case "number":
            digits = re.sub(r"\D", "", found)
            if found.startswith("+"):
                return PHONE
            if _is_card(digits):
                return CARD
            if len(digits) >= 10 or _LOCAL.fullmatch(found):
                return PHONE
    return found


def _is_card(digits: str) -> bool:
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [2 * int(digit) for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(value - 9 * (value > 9) for value in doubled)) % 10 == 0


def _is_iban(text: str) -> bool:
    letters = text.replace(" ", "")
    return int("".join(str(int(letter, 36)) for letter in letters[4:] + letters[:4])) % 97 == 1


def _spoken(text: str) -> Iterator[tuple[int, int, str]]:
    """Where numbers are spoken: start, end, and their digits."""
    start, end, digits, spoken, times, tens = 0, 0, "", 0, 1, False
    for word in [*_WORD.finditer(text), None]:
        value = _value(word.group().lower()) if word else None
        joined = bool(digits or times > 1) and word and _BETWEEN.fullmatch(text, end, word.start())
        if value is None or not joined:
            # Written ones have been looked at: here at least two words must have been spoken.
            if len(digits) >= SHORTEST_SPOKEN and spoken > 1:
                yield start, end, digits
            digits, spoken, times, tens = "", 0, 1, False
        if word is None or value is None:
            continue
        if not digits and times == 1:
            start = word.start()
        end = word.end()
        if isinstance(value, int):
            times = value
            continue
        unit = len(value) == 1 and value != "0"
        # "forty two" is 42; "forty" alone is 40.
        digits = digits[:-1] + value if tens and unit and times == 1 else digits + value * times
        tens, times = word.group().lower() in _TENS, 1
        spoken += word.group().isalpha()


def _value(word: str) -> str | int | None:
    """The digits that a word stands for, or how often the next one counts."""
    return word if word.isdigit() else _NUMBERS.get(word) or _TIMES.get(word)
