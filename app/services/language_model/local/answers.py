"""Answers to the question that is open. Each returns whether the caller's words were one."""

from __future__ import annotations

import re

import msgspec

from app.services.language_model.interface import HangUp, Item
from app.services.language_model.local import wording
from app.services.language_model.local.acts import Ask
from app.services.language_model.local.changes import change
from app.services.language_model.local.reply import Reply
from app.services.language_model.local.understand import declines, without_closing
from app.services.language_model.local.when import When, find_answer, is_ahead
from app.services.language_model.local.wishes import separate
from app.services.language_model.local.words import tidy

_FEW_WORDS = 6
"""Up to so many words say what to change; more are about something else."""


def answers(reply: Reply, ask: Ask) -> bool:
    """Take `ask` as the answer to whatever question is open."""
    match reply.context.question:
        case "content":
            return _answers_what(reply, ask)
        case "time":
            return _answers_when(reply, ask)
        case "change":
            return _answers_what_to_change(reply, ask)
        case "offer":
            return _answers_offer(reply, ask)
        case "else":
            return _answers_anything_else(reply, ask)
        case None:
            return False


def goodbye(reply: Reply) -> None:
    """End the call, unless something said in the same breath is still unclear."""
    if reply.question and reply.question not in (wording.ANYTHING_ELSE, wording.WHAT_TO_DO):
        return
    reply.question = ""
    reply.agree()
    for draft in reply.drafts:
        if draft.due_at:
            reply.settle(draft)  # the day is known
        else:
            reply.say(f"I've kept {wording.described(draft)}, without a time.")
    reply.say("Goodbye.")
    reply.ending = HangUp()


def _answers_what(reply: Reply, ask: Ask) -> bool:
    context = reply.context
    if context.before is None:
        return False
    kind = context.before.ask.kind or "reminder"
    match ask.act:
        case "statement" | "question" | "unclear" | "when" | "change":
            pass
        case "keep" if ask.wish and ask.wish.soft:
            pass
        case "yes":
            reply.question = wording.ask_content(kind)
            return True
        case "no" | "decline" | "done" | "cancel" if not ask.text:
            reply.say("All right.", "Then I'll leave it.")
            reply.question = wording.ANYTHING_ELSE
            return True
        case _:
            return False
    said = without_closing(context.text, context.now)
    if kind == "note":
        text, when = tidy(said), When()
    else:
        text, when = separate(said, context.now)
        # "Remind me tomorrow at three." "Of what?" "Call my mother."
        earlier = find_answer(context.before.text, context.now)[0]
        if not when and is_ahead(earlier.due(context.now), context.now):
            when = earlier
    reply.keep(kind, text, when)
    return True


def _answers_when(reply: Reply, ask: Ask) -> bool:
    draft = reply.context.draft
    if draft is None:
        return False
    match ask.act:
        case "when" | "statement" | "question" | "unclear":
            when, rest = find_answer(ask.text, reply.now)
            if when and declines(rest):
                # "Tomorrow, any time."
                reply.set_time(msgspec.structs.replace(draft, state="noted"), when)
            elif when:
                reply.set_time(_completed(draft, tidy(rest)), when)
            else:
                _ask_when_again(reply, draft)
        case "decline" | "no" | "done":
            reply.agree()
            reply.settle(draft)
            reply.question = wording.ANYTHING_ELSE
        case "yes":
            reply.ask_when(draft)
        case _:
            return False
    return True


def _completed(draft: Item, more: str) -> Item:
    """The draft with what the answer adds: "A meeting." "When?" "With Bob on Thursday at ten." """
    if not re.match(r"(?:with|about|regarding)\b", more, re.I):
        return draft
    return msgspec.structs.replace(draft, text=f"{draft.text} {more[:1].lower()}{more[1:]}")


def _ask_when_again(reply: Reply, draft: Item) -> None:
    reply.say("Sorry.")
    if reply.context.stuck % 2:
        reply.say("If there is no time, say: no time.")
        reply.ask_when(draft)
    else:
        reply.question = wording.ask_when_again(draft, reply.now)


def _answers_what_to_change(reply: Reply, ask: Ask) -> bool:
    if ask.act not in ("when", "statement", "unclear") or len(ask.text.split()) > _FEW_WORDS:
        return False
    change(reply, Ask("change", ask.text))
    return True


def _answers_offer(reply: Reply, ask: Ask) -> bool:
    before = reply.context.before
    if before and (ask.act == "yes" or (ask.wish and ask.wish.refers_back)):
        reply.keep("note", tidy(before.text), When())
        return True
    if ask.act in ("no", "decline"):
        reply.say("All right.")
        reply.question = wording.ANYTHING_ELSE
        return True
    return False


def _answers_anything_else(reply: Reply, ask: Ask) -> bool:
    if ask.act == "no":
        goodbye(reply)
        return True
    if ask.act == "yes":
        reply.agree()
        reply.question = "What is it?"
        return True
    return False
