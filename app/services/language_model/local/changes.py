"""Corrections and cancellations of what is kept."""

from __future__ import annotations

import msgspec

from app.services.language_model.interface import Item
from app.services.language_model.local import wording
from app.services.language_model.local.acts import Ask
from app.services.language_model.local.corrections import corrected, likeliest_first
from app.services.language_model.local.reply import Reply
from app.services.language_model.local.search import to_cancel
from app.services.language_model.local.when import When


def change(reply: Reply, ask: Ask) -> None:
    """Correct the draft or the newest item, or the one that the correction fits."""
    target = reply.context.target
    if target is None:
        if ask.wish and ask.kind:
            reply.keep(ask.kind, *reply.context.wanted(ask))
        else:
            reply.say("Sorry.", "There is nothing to change yet.", wording.EXAMPLE)
        return
    if ask.wish and ask.kind:
        text, when = reply.context.wanted(ask)
        changed = msgspec.structs.replace(target, kind=ask.kind, text=text or target.text)
    else:
        target, changed, when = _corrected(reply, target, ask)
    if when:
        reply.set_time(changed, when)
    elif changed != target:
        reply.put(changed)
    else:
        reply.say("Sorry.", "I don't know what to change there.")
        reply.question = "What should I change?"


def cancel(reply: Reply, ask: Ask) -> None:
    """Take items back."""
    items = reply.context.items
    gone = to_cancel(items, ask.text, ask.kind, reply.now)
    if gone:
        for item in gone:
            reply.save(msgspec.structs.replace(item, state="cancelled"))
        what = wording.described(gone[0]) if len(gone) == 1 else f"{len(gone)} things"
        reply.agree()
        reply.say(f"I've deleted {what}.")
    else:
        reply.say("Sorry.", "I have nothing like that." if items else "There is nothing to cancel.")
    reply.question = wording.ANYTHING_ELSE


def _corrected(reply: Reply, target: Item, ask: Ask) -> tuple[Item, Item, When]:
    """The item that is meant, what becomes of it, and its new time."""
    for item in likeliest_first(reply.context.items, target, ask.text, reply.now):
        changed, when = corrected(item, ask.text, ask.old, reply.now)
        if changed != item or when:
            return item, changed, when
    return target, target, When()
