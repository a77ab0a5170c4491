"""A reply as it comes together: items saved, sentences, a question at the end, how the call ends."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from app.services.language_model.interface import HangUp, Item, ItemKind, ReplyEvent, SaveItem, Say, Transfer
from app.services.language_model.local import wording
from app.services.language_model.local.context import Context
from app.services.language_model.local.when import When, has_time, is_ahead

_TIMED = ("reminder", "appointment")
"""Kinds that are of no use without a time."""


class Reply:
    """What is said and done in answer to one utterance."""

    def __init__(self, context: Context, new_id: Callable[[], str]) -> None:
        self.context = context
        self.now = context.now
        self.question: str | None = None
        """What to ask at the end. None: nothing was decided about that yet; empty: nothing."""
        self.ending: HangUp | Transfer | None = None
        self.sentences: list[str] = []
        self._new_id = new_id
        self._saved: dict[str, Item] = {}

    def events(self) -> list[ReplyEvent]:
        """Items first: what is promised counts from the first word heard."""
        sentences = [*self.sentences, self.question] if self.question else self.sentences
        events: list[ReplyEvent] = [SaveItem(item) for item in self._saved.values()]
        events += [Say(f"{sentence} ") for sentence in sentences[:-1]]
        events.append(Say(sentences[-1]))
        return [*events, self.ending] if self.ending else events

    def say(self, *sentences: str) -> None:
        self.sentences += sentences

    def agree(self) -> None:
        """Open with a short word, if nothing was said yet: speech begins with the first sentence."""
        if not self.sentences:
            self.say(wording.opening(len(self.context.items)))

    def save(self, item: Item) -> None:
        self._saved[item.id] = item

    def keep(self, kind: ItemKind, text: str, when: When) -> None:
        """Make a new item, or ask for what it lacks."""
        if when.shift and not text and (other := self._newest_timed()):
            text = other.text  # "…and remind me an hour before."
        if not text:
            self.agree()
            self.question = wording.ask_content(kind)
            return
        item = Item(self._new_id(), kind, text, state="draft")
        if when:
            self.set_time(item, when)
        else:
            self.put(item)

    def set_time(self, item: Item, when: When) -> None:
        """Give an item its time, unless that has passed."""
        before = item.due_at
        if when.shift and not before and (other := self._newest_timed()):
            before = other.due_at
        due = when.due(self.now, before)
        if is_ahead(due, self.now):
            self.put(msgspec.structs.replace(item, due_at=due))
            if when.repeats:
                self.say("I can't repeat it, so that is for the first time only.")
            return
        self.say("Sorry.", "That time has passed already.")
        self.question = "What time shall I make it?"
        if item.state == "draft":
            self.save(item)

    def put(self, item: Item) -> None:
        """Save an item and read it back, or ask for the time it needs."""
        self.agree()
        if item.state == "draft" and item.kind in _TIMED and not has_time(item.due_at):
            self.save(item)
            self.ask_when(item)
        else:
            self.settle(item)

    def settle(self, item: Item) -> None:
        """Save an item as it is, and read it back."""
        item = msgspec.structs.replace(item, state="noted")
        self.save(item)
        self.say(wording.read_back(item, self.now))

    def ask_what_is_open(self) -> None:
        """Come back to what is still missing."""
        context = self.context
        if context.question == "content" and not self._saved and context.before:
            self.question = wording.ask_content(context.before.ask.kind or "reminder")
        elif self.drafts:
            self.ask_when(self.drafts[-1])

    def ask_when(self, item: Item) -> None:
        """Ask for the time of a draft, and say of which if there are others it could be."""
        wishes = sum(ask.act == "keep" for ask in self.context.asks)
        others = any(other.id != item.id for other in self._items())
        self.question = wording.ask_when(item, self.now, named=others or wishes > 1)

    @property
    def drafts(self) -> list[Item]:
        """What still lacks something, oldest first."""
        return [item for item in self._items() if item.state == "draft"]

    def _items(self) -> list[Item]:
        """What is kept by now."""
        return list(({item.id: item for item in self.context.items} | self._saved).values())

    def _newest_timed(self) -> Item | None:
        return next((item for item in reversed(self._items()) if has_time(item.due_at)), None)
