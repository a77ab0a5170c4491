"""Phrases that every call begins with, kept as audio: the greeting is heard at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from app.services.text_to_speech.interface import TextToSpeech


class PhraseCache:
    """A voice in front of another. It keeps what it was warmed with, and nothing that a call says."""

    def __init__(self, voice: TextToSpeech) -> None:
        self.name = voice.name
        self._voice = voice
        self._audio: dict[str, bytes] = {}

    async def start(self) -> None:
        """Start the voice."""
        await self._voice.start()

    async def aclose(self) -> None:
        """Let go of the voice."""
        await self._voice.aclose()

    @property
    def ready(self) -> bool:
        """Whether a clause asked for now would be spoken."""
        return self._voice.ready

    async def warm(self, phrases: Iterable[str]) -> None:
        """Have phrases spoken now, to be said at once later.

        Raises:
            SynthesisError: the voice could not speak one.
        """
        for phrase in phrases:
            self._audio[phrase] = b"".join([piece async for piece in self._voice.synthesize(phrase)])

    async def synthesize(self, text: str) -> AsyncGenerator[bytes, None]:
        """Speak a clause: from memory in one piece, or as the voice makes it.

        Raises:
            SynthesisError: the voice could not speak it.
        """
        if known := self._audio.get(text):
            yield known
            return
        async with aclosing(self._voice.synthesize(text)) as pieces:
            async for piece in pieces:
                yield piece
