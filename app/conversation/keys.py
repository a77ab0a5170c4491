"""Keys that the caller presses, collected into entries. Pure: keys and a clock in, entries out."""

from __future__ import annotations

from typing import Final

END_SECONDS = 3.0
"""After its last key an entry without `#` is over: people need less to find the next group of a number."""

MOST_KEYS = 64
"""An entry that long ends by itself: the longest things people key in (an IBAN's digits) have half of it."""

OPERATOR: Final = "operator"
"""Instead of an entry: the caller wants a person."""

KEYS = frozenset("0123456789*ABCD")


class Keys:
    """Twilio tells of one key at a time. `#` ends an entry, and so do three seconds without a key."""

    def __init__(self, *, operator: bool) -> None:
        """With `operator`, a 0 that begins an entry asks for a person, at once. Entries that begin with 0
        cannot be keyed in then."""
        self.deadline: float | None = None
        """When to call `tick` (seconds, the caller's clock); None: nothing is being keyed in."""
        self._operator = operator
        self._keys = ""

    def press(self, digit: str, now: float) -> str | None:
        """A key. Returns the entry that it ends: its keys, never empty, without the `#`; or OPERATOR."""
        if digit == "#":
            return self._end()
        if digit not in KEYS:
            return None
        if digit == "0" and self._operator and not self._keys:
            return OPERATOR
        self._keys += digit
        self.deadline = now + END_SECONDS
        return self._end() if len(self._keys) == MOST_KEYS else None

    def tick(self, now: float) -> str | None:
        """The deadline may have passed. Returns the entry if it has."""
        return None if self.deadline is None or now < self.deadline else self._end()

    def finish(self) -> str | None:
        """The call is over. Returns the entry that was being keyed in."""
        return self._end()

    def _end(self) -> str | None:
        entry, self._keys, self.deadline = self._keys, "", None
        return entry or None


def as_words(entry: str) -> str:
    """An entry as a line of the talk, for the transcript and the language model: `(keys: 4711)`."""
    return f"(keys: {entry})"
