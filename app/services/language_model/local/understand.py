"""What a caller wants: one utterance in, what it asks for out. It has no memory."""

from __future__ import annotations

import re
from datetime import datetime

from app.services.language_model.local.acts import WHOLE, Act, Ask
from app.services.language_model.local.commands import find_command
from app.services.language_model.local.templates import expression
from app.services.language_model.local.verbs import is_task
from app.services.language_model.local.when import find_answer
from app.services.language_model.local.wishes import Wish, find_wishes, separate
from app.services.language_model.local.words import plain, tidy, without_courtesies

# The recogniser hears "you" in line noise.
_NOISE = re.compile(r"(?:(?:you|the|a|and|so|i|u+m+|u+h+|e+r+m?|h+m+|m+h*m+|a+h+|o+h+|huh)\b\W*)*", re.I)
_THANKS = "[no[,] ](thank you|thanks)[ ((very|so) much|a lot)]"
_BYE = (
    "(good bye|good-bye|goodbye|bye|bye-bye|see you[ (later|soon|tomorrow)]|talk to you (later|soon)|hang up)"
    "[ (now|then)]"
)
# Recognisers that write what they hear spell it "good-by", "by by", "I have to go now by".
_SPELLED = re.compile(
    r"\bgood[ -]?by\b|\bby[ -]by\b|(?:(?<=[,.!?] )|(?<=\bnow )|(?<=\ball )|(?<=\bthen ))by(?=[.!?]*$)", re.I
)
_NICE_DAY = "have a (nice|good|great|lovely) (day|evening|night|one|weekend)"
_ALL = (
    "that('s| is|'ll be| will be| would be|'d be| was) (all|everything|it)"
    "[ (for (now|today)|i (need|needed|wanted|have))]"
)
_DONE = f"({_ALL}|nothing (else|more)|(i'm|i am|we're|we are) (done|finished|all set|good))"
_CLOSING = re.compile(
    r"(?:(?:^|(?<=[\s,.!?]))(?:(?:and|then|well|okay|ok|no|so|i think|i guess)[\s,]+)?"
    rf"{expression(_THANKS, _BYE, _NICE_DAY, _DONE)}(?:[\s.,!?…]+|$))+$",
    re.I,
)
_SAYS_BYE = re.compile(expression(_BYE, _NICE_DAY), re.I)
_SAYS_DONE = re.compile(expression(_DONE, "no[,] (thank you|thanks)"), re.I)
# "Thank you, that's all, to-by": the end of a goodbye is easily lost.
_STRAY = re.compile(r"(?<=[,.!?…])\s+(?P<words>[\w'-]+(?: [\w'-]+)?[\s.,!?…]*)$")
_ENDS = re.compile(expression(_BYE, _NICE_DAY, _DONE), re.I)
_GREETING = re.compile(r"\b(?:hello|hi|hey|good (?:morning|afternoon|evening|day))\b", re.I)
_HESITATION = re.compile(r"^(?:(?:okay|ok|oh|well|so|h+m+)\b[\s,.]*)+", re.I)
_REFUSAL = re.compile(r"^(?:(?:no|nope|nah)\b[\s,.;:!-]*)+", re.I)
_SECOND_THOUGHT = re.compile(
    r"^(?:(?:actually|wait|sorry|(?:i|we) (?:said|meant?(?: to say)?)|rather|hold on|correction)\b"
    r"[\s,.;:!-]*)+",
    re.I,
)
_QUESTION = re.compile(
    r"^(?:what|who|whose|whom|which|where|when|why|how|is|are|am|was|were|do|does|did|can|could|would|will|should)\b",
    re.I,
)
# "Book an" is easily lost: "Foking appointment with the dentist on Friday at ten."
_BARE_APPOINTMENT = re.compile(
    r"(?:(?!(?:the|my|our|that|this)\b)[\w']+ )?(?P<what>(?:[\w']+ )?(?:appointment|meeting) (?:with|at) .+)",
    re.I,
)
_MORE = re.compile(r"\b(?:also|too|another|as well)\b", re.I)
_FEW_WORDS = 6
"""Up to so many words after a "no" are a correction by themselves."""
_SAYS_SOMETHING = 4
"""From so many words on, something not understood is worth a note."""
_EDGES = " ,.;:!?…-"


def understand(text: str, now: datetime) -> tuple[Ask, ...]:
    """What an utterance asks for, in the order it was asked; at least one thing."""
    text = _plain(text)
    if _NOISE.fullmatch(text) or not any(character.isalnum() for character in text):
        return (Ask("noise"),)
    body, closing = _split_closing(text, now)
    if closing and not without_courtesies(body):
        return (closing,)
    asks = _understand(body, now)
    if closing is None or closing.act in ("thanks", asks[-1].act):
        return asks
    return (*asks, closing)


def declines(text: str) -> bool:
    """Whether this says no more than that there is no time: "any time"."""
    ask = _find_whole(text) if tidy(text) else None
    return ask is not None and ask.act == "decline"


def without_closing(text: str, now: datetime) -> str:
    """`text` without the "thanks, bye" at its end."""
    return _split_closing(_plain(text), now)[0] or text


def _plain(text: str) -> str:
    return _SPELLED.sub(lambda found: "goodbye" if found[0][0] in "gG" else "bye", plain(text))


def _split_closing(text: str, now: datetime) -> tuple[str, Ask | None]:
    """The words before a closing "thanks, that's all, bye", and what the closing comes to."""
    closing = _CLOSING.search(text) or _closing_with_more(text, now)
    if not closing:
        return text, None
    act: Act = "thanks"
    if _SAYS_BYE.search(closing[0]):
        act = "bye"
    elif _SAYS_DONE.search(closing[0]):
        act = "done"
    return text[: closing.start()], Ask(act)


def _closing_with_more(text: str, now: datetime) -> re.Match[str] | None:
    """A closing that one or two words follow which say nothing."""
    stray = _STRAY.search(text)
    closing = _CLOSING.search(text[: stray.start()]) if stray else None
    if not stray or not closing or not _ENDS.search(closing[0]):
        return None
    words = stray["words"]
    says_nothing = understand(words, now)[0].act in ("unclear", "noise", "yes")
    return closing if says_nothing and not is_task(words) else None


def _understand(text: str, now: datetime) -> tuple[Ask, ...]:
    if ask := _find_whole(text):
        return (ask,)
    if refused := _REFUSAL.match(text):
        return _understand_correction(text[refused.end() :], now, firm=True)
    core = without_courtesies(text)
    unhesitating = _HESITATION.sub("", text)
    if thought := _SECOND_THOUGHT.match(unhesitating):
        return _understand_correction(unhesitating[thought.end() :], now, firm=False)
    if command := find_command(text, now):
        return (command,)
    head, wishes = find_wishes(text, now)
    if wishes:
        keep = tuple(Ask("keep", kind=wish.kind, wish=wish) for wish in wishes)
        return (Ask("when", head), *keep) if head and not separate(head, now)[0] else keep
    when, rest = find_answer(core, now)
    if when and not tidy(rest):
        return (Ask("when", core),)
    if when and is_task(core) and not text.endswith("?"):
        return (Ask("keep", kind="reminder", wish=Wish("reminder", core, soft=True)),)
    if when and (bare := _BARE_APPOINTMENT.fullmatch(core)):
        return (Ask("keep", kind="appointment", wish=Wish("appointment", bare["what"], soft=True)),)
    return (_not_understood(text, core),)


def _find_whole(text: str) -> Ask | None:
    """An act that is all that was said, with or without polite words before it."""
    stripped = text.strip(_EDGES)
    for candidate in (stripped, _HESITATION.sub("", stripped), without_courtesies(stripped)):
        for act, pattern in WHOLE:
            if candidate and pattern.fullmatch(candidate):
                return Ask(act)
    if not without_courtesies(stripped):
        return Ask("greet" if _GREETING.search(stripped) else "yes")
    return None


def _understand_correction(text: str, now: datetime, *, firm: bool) -> tuple[Ask, ...]:
    """What follows a "no" or an "actually": a change, or something of its own.

    `firm`: it was a "no", so a wish replaces the last one, unless it says "also".
    """
    text = _SECOND_THOUGHT.sub("", _HESITATION.sub("", text)) or text
    asks = _understand(text, now) if text else (Ask("no"),)
    first = asks[0]
    match first.act:
        case "when":
            return (Ask("change", text.strip(_EDGES)),)
        case "statement" | "unclear" if len(text.split()) <= _FEW_WORDS:
            return (Ask("change", text.strip(_EDGES)),)
        case "statement" | "unclear" | "yes" if firm:
            return (Ask("no"),)
        case "keep" if firm and not _MORE.search(text):
            return (Ask("change", kind=first.kind, wish=first.wish), *asks[1:])
    return asks


def _not_understood(text: str, core: str) -> Ask:
    said = text.strip()
    if said.endswith("?") or _QUESTION.match(core):
        return Ask("question", said)
    return Ask("statement" if len(core.split()) >= _SAYS_SOMETHING else "unclear", said)
