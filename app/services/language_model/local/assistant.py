"""The dialogue: one pure decision per utterance of the caller's. All it knows, it reads from the talk."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import msgspec

from app.services.language_model.interface import GoOn, ReplyEvent, Talk, Transfer
from app.services.language_model.local import wording
from app.services.language_model.local.acts import Ask
from app.services.language_model.local.answers import answers, goodbye
from app.services.language_model.local.changes import cancel, change
from app.services.language_model.local.context import context_of
from app.services.language_model.local.reply import Reply
from app.services.language_model.local.search import to_list
from app.services.language_model.local.when import find_when
from app.services.language_model.local.wishes import separate
from app.services.language_model.local.words import tidy

_AND = re.compile(r"(?:and|also|plus)\b[\s,]*", re.I)


def decide(
    talk: Talk, *, can_transfer: bool = False, new_id: Callable[[], str] = lambda: uuid4().hex
) -> list[ReplyEvent]:
    """What to say and do next: items to save, then the words, a sentence each, then how the call ends.

    What the caller says is first taken as the answer to an open question, then by itself.
    """
    context = context_of(talk)
    if context.was_a_sound:
        return [GoOn()]
    reply = Reply(context, new_id)
    first, *others = context.asks
    if not answers(reply, first):
        _act_on(reply, first, can_transfer)
    elif context.question == "content":
        # All of it was the answer, but for a goodbye at the end.
        others = [ask for ask in others if ask.act in ("bye", "done")]
    for ask in others:
        _act_on(reply, ask, can_transfer)
    if reply.question is None and not reply.ending:
        reply.ask_what_is_open()
    return reply.events()


def _act_on(reply: Reply, ask: Ask, can_transfer: bool) -> None:
    match ask.act:
        case "keep" if ask.kind:
            reply.keep(ask.kind, *reply.context.wanted(ask))
        case "when" if not reply.context.items:
            reply.agree()
            reply.question = wording.ask_content("reminder")
        case "change" | "when":
            change(reply, ask)
        case "cancel":
            cancel(reply, ask)
        case "list":
            _list(reply, ask)
        case "yes":
            reply.say("Good.")
            reply.question = wording.ANYTHING_ELSE if reply.context.earlier else wording.WHAT_TO_DO
        case "no":
            reply.agree()
            reply.question = "What should I change?" if reply.context.items else wording.WHAT_TO_DO
        case "decline":
            reply.agree()
            reply.question = wording.ANYTHING_ELSE
        case "done" | "bye":
            goodbye(reply)
        case "person":
            _put_through(reply, can_transfer)
        case "statement" | "question" | "unclear":
            _not_understood(reply, ask)
        case _:
            _answer_in_passing(reply, ask)


def _list(reply: Reply, ask: Ask) -> None:
    reply.agree()
    items = to_list(reply.context.items, ask.text, ask.kind, reply.now)
    reply.say(*wording.listing(items, ask.kind, reply.now))
    reply.question = wording.ANYTHING_ELSE


def _put_through(reply: Reply, can_transfer: bool) -> None:
    if can_transfer:
        reply.say("Sure.", "I'll put you through to a person.")
        reply.ending = Transfer()
    else:
        reply.say("Sorry.", "I can't connect you to a person.", "But I can take a note for them.")


def _answer_in_passing(reply: Reply, ask: Ask) -> None:
    """What leaves the open question open: it is asked again afterwards."""
    reply.ask_what_is_open()
    match ask.act:
        case "thanks":
            reply.say("You're welcome.")
            reply.question = reply.question or wording.ANYTHING_ELSE
        case "greet":
            reply.say("Hello.")
            reply.question = reply.question or wording.WHAT_TO_DO
        case "hear":
            reply.say("Yes, I can hear you.")
            reply.question = reply.question or wording.WHAT_TO_DO
        case "help":
            reply.say("I'm an automatic assistant.", wording.ABLE, wording.EXAMPLE)
        case "wait":
            reply.say("Sure.", "Take your time.")
            reply.question = ""
        case "clock":
            reply.say(
                f"It's {wording.spoken_time(reply.now)}.", f"Today is {wording.spoken_date(reply.now)}."
            )
        case "repeat":
            _repeat(reply)
        case _:
            earlier = reply.context.earlier
            again = earlier and earlier[-1].ask.act == "noise"
            reply.say("Sorry.", "Could you say that again?" if again else "I didn't catch that.")


def _repeat(reply: Reply) -> None:
    """Say the last message again; of one that was cut off, of which the end is lost, what it was about."""
    context = reply.context
    has_words = any(character.isalnum() for character in context.heard_last)
    if has_words and not context.cut_off:
        reply.say(context.heard_last)
        reply.question = ""
    elif context.target and context.target.state == "noted":
        reply.say(wording.read_back(context.target, reply.now))
    elif not reply.question:
        reply.say(wording.ABLE)


def _not_understood(reply: Reply, ask: Ask) -> None:
    """Say so plainly, in other words the second time; offer to note what may be worth it."""
    context, again = reply.context, reply.context.stuck % 2
    if context.goes_on and ask.act != "question":
        note, more = context.items[-1], tidy(ask.text)
        joint = ". " if more[:1].isupper() else " "
        reply.put(msgspec.structs.replace(note, text=f"{note.text}{joint}{more}"))
    elif find_when(ask.text, reply.now)[0].repeats:
        reply.say("Sorry.", "I can't repeat reminders.")
    elif ask.act != "question" and context.adds and (joined := _AND.match(ask.text)):
        reply.keep("todo", *separate(ask.text[joined.end() :], reply.now))
    elif ask.act == "statement":
        reply.say("I still don't follow." if again else "I'm not sure what to do with that.")
        reply.question = "Should I take it down as a note?" if again else "Shall I note that down?"
    elif ask.act == "question":
        reply.say("Sorry.", "I can't answer that.", wording.EXAMPLE if again else wording.ABLE)
    elif again:
        reply.say("Sorry.", "I still didn't understand.", wording.EXAMPLE)
    else:
        reply.say("Sorry.", "I didn't understand that.", wording.ABLE)
