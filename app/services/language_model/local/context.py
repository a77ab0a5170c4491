"""Where the talk stands, from what the caller said and what is kept; never from the assistant's own words.

So a question that was cut off by the caller is open all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.services.language_model.interface import Item, Talk
from app.services.language_model.local.acts import Act, Ask
from app.services.language_model.local.understand import understand
from app.services.language_model.local.when import When
from app.services.language_model.local.wishes import separate
from app.services.language_model.local.words import tidy

Question = Literal["content", "change", "offer", "time", "else"]
"""What to keep? What to change? Shall I note that? When? Is there anything else?"""

_IN_PASSING: frozenset[Act] = frozenset(
    ("noise", "thanks", "repeat", "hear", "greet", "help", "wait", "clock", "person")
)
"""What leaves an open question open."""
_NOT_UNDERSTOOD: frozenset[Act] = frozenset(("statement", "question", "unclear"))
_THEN_ANYTHING_ELSE: frozenset[Act] = frozenset(("yes", "thanks", "list", "cancel", "decline", "done"))


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance of the caller's and the last thing it asked for."""

    text: str
    ask: Ask


@dataclass(frozen=True, slots=True)
class Context:
    """What a reply starts from."""

    now: datetime
    text: str
    """The caller's last words."""
    asks: tuple[Ask, ...]
    earlier: tuple[Said, ...]
    """The caller's utterances before, oldest first, as far back as they matter."""
    items: tuple[Item, ...]
    """What is kept, without what was cancelled."""
    heard_last: str
    """What the caller heard of the assistant's last message."""
    cut_off: bool
    """Whether the caller interrupted it."""

    @property
    def before(self) -> Said | None:
        """The caller's last utterance before this one that was not in passing."""
        return next((said for said in reversed(self.earlier) if said.ask.act not in _IN_PASSING), None)

    @property
    def draft(self) -> Item | None:
        """The newest item that lacks something."""
        return next((item for item in reversed(self.items) if item.state == "draft"), None)

    @property
    def target(self) -> Item | None:
        """What "it" means: the draft, or else the newest item."""
        return self.draft or (self.items[-1] if self.items else None)

    @property
    def question(self) -> Question | None:
        """The question that is open."""
        said = self.before
        if said and said.ask.act == "keep" and self.wanted_text(said.ask) == "":
            return "content"
        if said and said.ask.act == "when" and not self.items:
            return "content"
        if self.draft:
            return "time"
        if said and said.ask.act == "no" and self.items:
            return "change"
        if said and said.ask.act == "statement" and not self._is_kept(said.text):
            return "offer"
        if self.earlier and self.earlier[-1].ask.act in _THEN_ANYTHING_ELSE:
            return "else"
        return None

    @property
    def stuck(self) -> int:
        """How often in a row the caller was not understood."""
        count = 0
        for said in reversed(self.earlier):
            if said.ask.act not in _NOT_UNDERSTOOD or self._is_kept(said.text):
                break
            count += 1
        return count

    @property
    def was_a_sound(self) -> bool:
        """Whether the caller cut the assistant off with what must have been an "uh-huh" or a laugh: a word or
        two in which nothing can be understood. Who says so twice wants something."""
        unclear = [ask.act in ("unclear", "noise") for ask in self.asks] == [True]
        is_short = len(self.text.split()) <= SOUND_WORDS
        return self.cut_off and unclear and is_short and not (self.question or self.stuck)

    @property
    def goes_on(self) -> bool:
        """Whether the caller goes on dictating the note that was being read back."""
        last = self.items[-1] if self.items else None
        if not (self.cut_off and last and last.kind == "note" and self.earlier):
            return False
        said = self.earlier[-1]
        return said.ask.act in ("keep", "statement") and self._is_kept(said.text)

    @property
    def adds(self) -> bool:
        """Whether an "and butter" may go on with the list: what was said before was put there."""
        on_list = bool(self.items) and self.items[-1].kind == "todo"
        return on_list and self.before is not None and self._is_kept(self.before.text)

    def wanted_text(self, ask: Ask) -> str:
        """What a wish wants kept; empty if it was not said."""
        return self.wanted(ask)[0]

    def wanted(self, ask: Ask) -> tuple[str, When]:
        """What a wish wants kept, and when."""
        if ask.wish is None:
            return "", When()
        if ask.wish.verbatim:
            return ask.wish.words, When()
        return separate(ask.wish.words, self.now)

    def _is_kept(self, text: str) -> bool:
        said = tidy(text)
        return any(item.text and (said in item.text or item.text in said) for item in self.items)


SOUND_WORDS = 2
"""So few words may be a sound that was misheard."""
MOST_REMEMBERED = 6
"""Utterances that are read again for each reply; a question open for longer than that is asked anew."""


def context_of(talk: Talk) -> Context:
    """The context of a reply to the last message."""
    said = [message.text for message in talk.messages if message.speaker == "user"]
    text = said.pop() if said else ""
    earlier = tuple(Said(each, understand(each, talk.now)[-1]) for each in said[-MOST_REMEMBERED:])
    last = next((m for m in reversed(talk.messages) if m.speaker == "assistant"), None)
    return Context(
        now=talk.now,
        text=text,
        asks=understand(text, talk.now),
        earlier=earlier,
        items=tuple(item for item in talk.items if item.state != "cancelled"),
        heard_last=last.text if last else "",
        cut_off=last is not None and last.interrupted,
    )
