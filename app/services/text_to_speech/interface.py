"""What every voice gives a call."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol


class TextToSpeech(Protocol):
    """A voice, shared by all calls of a process."""

    name: str

    async def start(self) -> None:
        """Load what is needed. Returns when calls can be taken."""

    async def aclose(self) -> None:
        """Let go of everything; what is being spoken ends."""

    @property
    def ready(self) -> bool:
        """Whether a clause asked for now would be spoken."""

    def synthesize(self, text: str) -> AsyncGenerator[bytes, None]:
        """Speak one clause: pieces of 8 kHz μ-law mono of any length, in order.

        Closing the generator cancels what has not been made yet.

        Raises:
            SynthesisError: the voice could not speak it.
        """


class SynthesisError(Exception):
    """A voice gave up on a clause; the message says why."""
