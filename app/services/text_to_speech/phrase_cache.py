"""Phrases that are said again and again, kept as audio: the greeting is heard at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from app.services.text_to_speech.interface import TextToSpeech

MOST_BYTES = 4_000_000
"""Of phrases nobody asked to be kept: 500 s of speech, at 8000 bytes a second."""


class PhraseCache:
    """A voice in front of another. What it was warmed with stays; of the rest, the latest used."""

    def __init__(self, voice: TextToSpeech, most_bytes: int = MOST_BYTES) -> None:
        self.name = voice.name
        self._voice = voice
        self._warm: dict[str, bytes] = {}
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._recent_bytes = 0
        self._most_bytes = most_bytes

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
            self._warm[phrase] = b"".join([piece async for piece in self._voice.synthesize(phrase)])

    async def synthesize(self, text: str) -> AsyncGenerator[bytes, None]:
        """Speak a clause: from memory in one piece, or as the voice makes it.

        Raises:
            SynthesisError: the voice could not speak it.
        """
        known = self._warm.get(text) or self._recent.get(text)
        if known:
            if text in self._recent:
                self._recent.move_to_end(text)
            yield known
            return
        pieces = []
        async with aclosing(self._voice.synthesize(text)) as making:
            async for piece in making:
                pieces.append(piece)
                yield piece
        self._keep(text, b"".join(pieces))

    def _keep(self, text: str, audio: bytes) -> None:
        self._recent_bytes += len(audio) - len(self._recent.pop(text, b""))
        self._recent[text] = audio
        while self._recent_bytes > self._most_bytes:
            _, oldest = self._recent.popitem(last=False)
            self._recent_bytes -= len(oldest)
