"""What a caller can want of an utterance, and the phrases that are all there is to one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from app.services.language_model.interface import ItemKind
from app.services.language_model.local.templates import whole
from app.services.language_model.local.wishes import Wish

Act = Literal[
    "keep", "change", "cancel", "list", "when", "yes", "no", "decline", "done", "bye", "thanks", "greet",
    "help", "repeat", "hear", "wait", "clock", "person", "statement", "question", "unclear", "noise",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing a caller wants.

    `text` is what the act is about: the new words of a change, what to cancel, which day to list.
    `old` is what a change takes away ("not Anna, Emma").
    """

    act: Act
    text: str = ""
    kind: ItemKind | None = None
    wish: Wish | None = None
    old: str = ""


_MOMENT = "(moment|second|minute|sec)"
_SOMEBODY = "(anybody|anyone|somebody|someone)"
_DO_NOT = "(don't|do not|did not|didn't|dont|can't|couldn't)"
_RIGHT = "(right|correct|fine|good|great|perfect|okay|ok)"
_WRONG = "(wrong|incorrect|a mistake|not (right|correct|quite right|what i (said|meant|wanted)))"
_ANY_TIME = "[at ](no|any)[ (particular|specific|special|fixed)] time[ (needed|necessary|yet)]"

WHOLE: tuple[tuple[Act, re.Pattern[str]], ...] = (
    ("wait", whole(
        f"(wait|hold on|hang on)[ [(a|one) ]{_MOMENT}]", f"[just ](a|one) {_MOMENT}", "let me (think|see)",
        "stop[ (it|that|talking|now|right there)]", "[be ]quiet", "shush", "[that's ]enough", "[shut ]up",
    )),
    ("repeat", whole(
        "(repeat|say)[ (it|that|this|the last (one|part|thing))][ (again|once more|one more time)]",
        "come again", "read (it|that)[ back][ (again|to me)]",
        "pardon[ me]", "sorry", "excuse me", "what[ was that]", "once more", "one more time",
        "what did you[ just] say", f"i {_DO_NOT} (hear|get|catch|understand) (that|you|it)",
    )),
    ("hear", whole(
        "[(can|do|did) you ]hear me[ now]", "are you[ still] (there|listening)", f"[is ]{_SOMEBODY} there",
    )),
    ("help", whole(
        "[i ][need ]help", "who (are you|is this|am i (talking|speaking) (to|with))",
        "what (are you|is this)",
        "what('s| is) your name", "what (can|could|do) (you|i) (do|say|ask)[ for me][ here]",
        "how (does|do) (this|it|you) work",
        "are you[ (a|an)][ real] (robot|computer|machine|human|person|ai)",
    )),
    ("clock", whole(
        "what[('s| is)] [the ](time|day|date)[ is][ (it|today)][ (now|today)]",
        "what (time|day) (it is|is it|is today)", "tell me the (time|date)", "tell me what (time|day) it is",
    )),
    ("yes", whole(*(f"{phrase}[[,] (please|please do|do that|then|for me)]" for phrase in (
        "(yes|yeah|yep|yup|sure|right|correct|exactly|perfect|great|good|fine|okay|ok|all right|alright)",
        "(cool|wonderful|excellent|absolutely|of course|indeed|uh-huh|uh huh|mhm|got it|go ahead|i do|it is)",
        "please[ do]", "no (problem|worries)", "not a problem",
        "do (that|it|so)", "you (can|may|should|got (it|that))",
        f"(that|it)[('s| is| sounds| was)] [all ]({_RIGHT}|it exactly)", "(that|it) works",
        f"(sounds|looks) {_RIGHT}",
    )))),
    ("no", whole(
        "(no|nope|nah)", f"[(that|it)('s| is| was) ]{_WRONG}", "not (really|that|quite)",
        f"i {_DO_NOT} think so", "(that|it) isn't (right|correct)", "change (it|that|something)",
    )),
    ("decline", whole(
        _ANY_TIME, f"(there's|there is|it has|without) {_ANY_TIME}", "without a time",
        "(whenever|when ever)[ you (like|want)]", "no (date|idea|matter)", "[it ](doesn't|does not) matter",
        f"i {_DO_NOT} (care|know|mind)[ (yet|when)]", f"i {_DO_NOT} (need|want|have) a time[ yet]",
        "[(i'm|i am|im) ]not sure[ yet]", "you (decide|choose)", "later", "(sometime|some time)",
        "[just ](keep|leave) it[ (open|without a time|like that|as it is)]",
    )),
    ("done", whole("nothing[ at all]", "none")),
    ("bye", whole("(i|we)['ve] ((have|need|got|had) to|gotta) (go|leave|run|hang up)[ now]")),
    ("greet", whole("how are you[ doing][ today]", "how do you do", "nice to meet you", "what's up")),
)  # fmt: skip
"""Fillers and polite words around these do not matter. The first that fits counts."""
