"""What the language model is asked in a call, and when it has said that something is to be kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime

from app.conversation.transcript import Transcript
from app.services.language_model import Item, LanguageModel, Message, ReplyEvent, Talk

GO_ON = "Go on."
"""What the model is told, as if by the caller, when a sound has stopped it in the middle of an answer."""


class Thinking:
    """One call's: the model, with all it must know to answer."""

    def __init__(
        self, mind: LanguageModel, transcript: Transcript, items: Sequence[Item], now: Callable[[], datetime]
    ) -> None:
        """`now` is the caller's wall clock (aware)."""
        self._mind = mind
        self._transcript = transcript
        self._items = {item.id: item for item in items}
        self._now = now

    def keep(self, item: Item) -> None:
        """It is kept: the model may speak of it."""
        self._items[item.id] = item

    def answer(self, words: str) -> AsyncGenerator[ReplyEvent, None]:
        """The answer to what the caller said, which ends in `words`."""
        messages = self._transcript.messages()
        if messages and messages[-1].speaker == "assistant":
            # It was an answer to these words, misheard.
            messages = (*messages, Message("user", words))
        return self._reply_to(messages)

    def more(self, said: str) -> AsyncGenerator[ReplyEvent, None]:
        """What it would have gone on to say; it was stopped when it had said so much of its answer."""
        before = self._transcript.messages()
        if before and before[-1].speaker == "assistant":
            before = before[:-1]
        return self._reply_to((*before, Message("assistant", said), Message("user", GO_ON)))

    def _reply_to(self, messages: tuple[Message, ...]) -> AsyncGenerator[ReplyEvent, None]:
        return self._mind.reply(Talk(messages, tuple(self._items.values()), self._now()))
