"""The summary that needs no network: made of what was noted, and of the caller's own sentences."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from app.services.language_model.interface import Item, Message
from app.services.language_model.local.templates import word_list
from app.services.language_model.local.understand import understand
from app.services.language_model.local.verbs import is_task
from app.services.language_model.local.when import has_time
from app.services.language_model.local.wording import spoken_date, spoken_time
from app.services.language_model.local.words import tidy, without_courtesies
from app.services.summarizer.interface import ActionItem, Summary

MOST_SENTENCES = 3
"""Caller's sentences among the key points."""
MOST_WORDS = 30
"""Words of a sentence or a note that are quoted."""
MOST_TOLD = 4
"""Items told one by one in the summary's first sentence; of more, only the number of each kind."""

_SENTENCE_END = re.compile(r"(?<=[.!?…])(?<![ap]\.m\.)\s+", re.I)
_COMMON = frozenset(
    word_list("""
        a about all also am an and any are as at be because been but by can could did do does
        for from get go had has have he her here him his how i if in into is it its just know
        like me more my no not now of on one or our out really said say she so some than that
        the their them then there they this to too up us very was we well were what when which
        who will with would yeah yes you your
    """)
)


class LocalSummarizer:
    """Extractive: it quotes and counts, it never invents."""

    name = "local"

    async def summarize(self, messages: Sequence[Message], items: Sequence[Item], now: datetime) -> Summary:
        """`messages` in order, `items` as last saved; `now` is the end of the call (aware)."""
        # A long call takes a quarter of a second, in which no other call may fall silent.
        return await asyncio.to_thread(self._summarize, messages, items, now)

    def _summarize(self, messages: Sequence[Message], items: Sequence[Item], now: datetime) -> Summary:
        kept = [item for item in items if item.state != "cancelled"]
        said = [
            message.text for message in messages if message.speaker == "user" and _has_words(message.text)
        ]
        quotes = salient_sentences(said, [item.text for item in kept], now)
        points = [_sentence(_shortened(item.text)) for item in kept if item.kind == "note"]
        actions = [_action(item) for item in kept if item.kind != "note" or item.due_at]
        summary = " ".join(_told(kept, said, quotes, now))
        return Summary(summary, (*points, *quotes), tuple(actions), self.name)


def salient_sentences(said: Sequence[str], kept: Sequence[str], now: datetime) -> list[str]:
    """The caller's most informative sentences, in the order they were said.

    Only statements count: no greetings, no requests to the assistant, nothing that was kept anyway. Each is
    weighed by how often the call comes back to its words (frequency of content words, per square root of
    the length, so that long sentences do not win by length alone).
    """
    sentences = [
        sentence
        for text in said
        for sentence in _SENTENCE_END.split(text)
        if understand(sentence, now)[0].act == "statement"
        and len(_content_words(sentence)) > 1
        and not any(tidy(sentence) in text or text in sentence for text in kept)
    ]
    counts = Counter(word for sentence in sentences for word in _content_words(sentence))

    def weight(sentence: str) -> float:
        words = _content_words(sentence)
        return float(sum(counts[word] for word in set(words)) / len(words) ** 0.5)

    chosen = sorted(dict.fromkeys(sentences), key=weight, reverse=True)[:MOST_SENTENCES]
    return [_sentence(_shortened(without_courtesies(s))) for s in dict.fromkeys(sentences) if s in chosen]


def _told(kept: Sequence[Item], said: Sequence[str], quotes: Sequence[str], now: datetime) -> list[str]:
    if not said:
        return ["The caller said nothing."]
    told = []
    noted = [item for item in kept if item.state == "noted"]
    if len(noted) > MOST_TOLD:
        counts = Counter(item.kind for item in noted)
        told.append(f"The caller left {_listed([_counted(kind, n) for kind, n in counts.items()])}.")
    elif noted:
        told.append(f"The caller {_listed([_deed(item, now) for item in noted])}.")
    if drafts := [item.text for item in kept if item.state == "draft"]:
        told.append(f"No time was named yet for: {_listed(drafts)}.")
    if not kept:
        told.append("Nothing was noted.")
        if quotes:
            told.append(f"The caller said: “{max(quotes, key=len)}”")
    ended = understand(said[-1], now)[-1].act in ("bye", "done", "no")
    told.append("The caller said goodbye." if ended else "The call ended without a goodbye.")
    return told


def _deed(item: Item, now: datetime) -> str:
    when = f" {_due(item.due_at, now)}" if item.due_at else ""
    text = _shortened(item.text).rstrip(".")
    match item.kind:
        case "reminder":
            what = f"to {text}{when}" if is_task(text) else f"“{text}”{when}"
            return f"asked for a reminder {what}"
        case "todo":
            return f"put “{text}” on the list{' for' + when.removeprefix(' on') if when else ''}"
        case "appointment":
            return f"made an appointment “{text}”{when}"
        case _:
            return f"noted “{text}”{' for' + when.removeprefix(' on') if when else ''}"


def _due(due: datetime, now: datetime) -> str:
    """The date itself: a summary is read on another day."""
    year = f", {due.year}" if due.year != now.year else ""
    time = f", at {spoken_time(due)}" if has_time(due) else ""
    return f"on {spoken_date(due)}{year}{time}"


def _action(item: Item) -> ActionItem:
    if item.state == "draft":
        return ActionItem(f"{item.text} (no time was named)", item.due_at, item.kind)
    return ActionItem(item.text, item.due_at, item.kind)


def _counted(kind: str, count: int) -> str:
    return f"{count} {kind}{'' if count == 1 else 's'}"


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]


def _content_words(text: str) -> list[str]:
    return [word for word in re.findall(r"[\w']+", text.lower()) if word not in _COMMON]


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _shortened(text: str) -> str:
    words = text.split()
    return " ".join(words[:MOST_WORDS]) + "…" if len(words) > MOST_WORDS else text


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
