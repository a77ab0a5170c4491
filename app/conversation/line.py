"""A line: the caller's end of a call, as the conversation sees it. Twilio is one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Line(Protocol):
    """Audio both ways, and how far what was played has been heard. All but `heard_out` is synchronous.

    Speech goes out clause by clause, so that the text heard can be told from the audio heard.
    """

    call_sid: str

    def listen(
        self, on_audio: Callable[[bytes], None], on_heard: Callable[[], None], on_key: Callable[[str], None]
    ) -> None:
        """Have `on_audio` called with each chunk of the caller's 8 kHz μ-law, `on_heard` whenever more of
        what was played is known to have been heard, and `on_key` with each key that the caller presses."""

    @property
    def epoch(self) -> int:
        """Raised by `clear`. What is played for an older epoch is dropped."""

    def now_ms(self) -> int:
        """Milliseconds since the line was opened: the clock of the transcript."""

    def begin_clause(self, text: str, epoch: int) -> None:
        """The audio played from now on speaks `text`."""

    def play(self, audio: bytes, epoch: int) -> None:
        """Send 8 kHz μ-law of any length, as fast as it is made."""

    def end_clause(self, epoch: int, *, whole: bool = True) -> None:
        """The clause has been played, if not `whole` as far as it could be spoken."""

    def remaining_seconds(self) -> float:
        """How long what was played goes on to be heard."""

    def heard(self) -> str:
        """The text heard since the last `settle` or `clear`, cut at a word."""

    def unheard(self) -> str:
        """The rest of the text begun since then."""

    def settle(self) -> None:
        """What was heard has been written down: begin anew."""

    def clear(self) -> None:
        """Stop at once: what has not been heard never will be, and a new epoch begins."""

    async def heard_out(self) -> None:
        """Wait until everything played has been heard, by the line's word or by the clock."""
