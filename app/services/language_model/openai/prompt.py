"""What the model is told: who it is, what has been noted, what was said. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile

from openai.types.chat import ChatCompletionMessageParam

from app.services.language_model.interface import Item, Message, Talk

CHARACTERS_A_TOKEN = 4
"""OpenAI's rule of thumb for English. A tokeniser for each model would cost more than the error does."""
HISTORY_TOKENS = 6000
"""Half an hour of talk: 150 words a minute, four thirds of a token each. With all the rest the request
stays below the 8192 tokens that small models of one's own are commonly served with."""
ITEMS_TOKENS = 1000
"""About twenty items, the newest."""

PERSONA = (
    "You are the assistant that answers this telephone. You take down notes, reminders, to-dos and "
    "appointments for the caller, change and read them out on request, and answer short questions."
)
RULES = """\
Everything you write is read aloud to the caller:
- Speak in short, plain sentences; two are usually enough. No markdown, lists, emoji, URLs or brackets.
- Ask one question at a time.
- Write times and dates as they are spoken ("tomorrow, Sunday November 22nd, at 3 PM").
- The caller's words come from speech recognition: take a word that makes no sense for one that sounds alike.
- Save each wish with save_item before you confirm it. A reminder or an appointment needs a time: save it as \
a draft and ask for the time; save it again with the same id once it is named. An hour without "a.m." or \
"p.m." is one between 7:00 and 22:59, the next that comes. To correct or cancel an item, give its id.
- Confirm what you saved by saying it back with its day and time. Claim nothing that a tool did not confirm.
- When the caller says goodbye or needs nothing more, say goodbye and call hang_up."""
TRANSFER = "- When the caller wants to talk to a person, say that you put them through and call transfer."
NO_TRANSFER = "- You cannot connect the caller to a person; offer to take a note instead."

CUT_OFF = "[The caller cut you off here and heard only the words before this.] "
"""Begins the caller's message after one that was interrupted. There, and not in the assistant's own, the
model does not take it for a manner of speaking; and servers that want a system message to come first, or
speakers to alternate, get what they want."""


def messages_for(talk: Talk, instructions: str, *, can_transfer: bool) -> list[ChatCompletionMessageParam]:
    """The request's messages: a system prompt, then as much of the talk's end as fits.

    `instructions` take the place of the default persona. How a telephone is talked on is always told.
    """
    now = talk.now
    prompt = [
        instructions or PERSONA,
        RULES,
        TRANSFER if can_transfer else NO_TRANSFER,
        *_greeting(talk.messages[:1]),
        # What changes comes last: providers cache the beginning that requests have in common.
        f"It is {now:%A, %d %B %Y, %H:%M} {now.tzname()} ({now.isoformat(timespec='seconds')}).",
        *_told(talk.items),
    ]
    return [{"role": "system", "content": "\n".join(prompt)}, *_history(talk.messages)]


def _greeting(messages: Sequence[Message]) -> list[str]:
    return [
        f"You answered the telephone with these words: {message.text}"
        for message in messages
        if message.speaker == "assistant"
    ]


def _told(items: Sequence[Item]) -> list[str]:
    if not items:
        return ["Nothing has been noted yet."]
    lines = [
        f"id {item.id}: {item.kind} “{item.text}”, "
        f"{'due ' + item.due_at.isoformat(timespec='minutes') if item.due_at else 'no time'}, {item.state}"
        for item in items
    ]
    newest = last_that_fit(lines, ITEMS_TOKENS * CHARACTERS_A_TOKEN)
    hidden = len(lines) - len(newest)
    return [f"Noted so far{f' ({hidden} older ones not shown)' if hidden else ''}, oldest first:", *newest]


def _history(messages: Sequence[Message]) -> list[ChatCompletionMessageParam]:
    texts = [
        CUT_OFF + message.text if before and before.interrupted else message.text
        for before, message in zip((None, *messages), messages, strict=False)
    ]
    fitting = last_that_fit(texts, HISTORY_TOKENS * CHARACTERS_A_TOKEN)
    turns = zip(messages[len(messages) - len(fitting) :], fitting, strict=True)
    # Begin with the caller, as chat templates demand; the greeting stands in the system prompt.
    return [
        {"role": "user", "content": text}
        if message.speaker == "user"
        else {"role": "assistant", "content": text}
        for message, text in dropwhile(lambda turn: turn[0].speaker == "assistant", turns)
    ]


def last_that_fit(texts: Sequence[str], characters: int) -> list[str]:
    """The last of `texts` that come to at most so many characters. The very last is there in any case, if
    need be without its beginning."""
    fitting: list[str] = []
    for text in reversed(texts):
        if len(text) > characters and fitting:
            break
        fitting.append(text[-characters:])
        characters = max(0, characters - len(text))
    fitting.reverse()
    return fitting
