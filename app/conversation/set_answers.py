"""What callers of any assistant say again and again, and what is all when it has been said. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNITS = (
    r"(?:yes|yeah|no|sure) please",
    r"(?:yes|yeah|yep|yup|no|nope) (?:i|we|you|he|she|it|they|that|there)"
    r" (?:am|is|are|was|were|do|does|did|have|has|can|could|will|would|should|\w+n't)(?: not)?"
    r"(?! all| everything)",
    r"(?:i don't|i do not|don't) (?:know|remember|think so|care|understand|mind|need anything(?: else)?)",
    r"(?:i think |i guess |i believe |i hope )(?:so|not)|not (?:really|yet|now|today|at all|right now)",
    r"(?:i think |i guess |i believe )?"
    r"(?:that's|that is|that'll be|that will be|that would be|that was|this is|it's)"
    r" (?:all|it|everything|right|correct|fine|good|great|okay|ok|perfect|wonderful|nice|a good idea"
    r"|very kind of you|(?:exactly )?what i (?:said|meant|wanted))(?: for (?:now|today)| thanks)?",
    r"(?:i'm|we're|i am) (?:good|fine|okay|ok|done|sure|all set|doing (?:well|fine|good|great))",
    r"(?:that )?(?:sounds|looks|works) (?:good|great|fine|perfect|right|for me)|that works(?: for me)?",
    r"(?:i'll )?(?:talk|speak|see) (?:to )?you (?:later|soon|tomorrow|then)|you're welcome|you too|me too",
    r"(?:have|you have) a (?:nice|good|great|lovely) (?:day|evening|one|night|weekend)(?: too)?",
    r"(?:it was )?nice (?:to meet|meeting|talking to) you|take care",
    r"good ?(?:night|morning|afternoon|evening|bye?)|by by",
    r"never ?mind|forget (?:it|that|about it)|nothing(?: else| more)?|no more|no problem|of course",
    r"(?:the|that) (?:\w+ )?(?:other |first |second |third |last )?one",
    r"(?:both|all|none|neither|either) of them",
    r"stop(?: (?:it|that|please|talking))?|help(?: me)?|repeat(?: that)?|cancel(?: (?:it|that))?",
    r"delete (?:it|that)",
    r"start (?:over|again)|go back|skip (?:it|that|this)(?: one)?|leave it|keep it|what do you mean",
    r"i (?:didn't|don't|can't|couldn't) (?:catch|hear|understand|get)(?: (?:that|you|it))",
    r"undo|scratch that|erase|quit|exit|continue|go on|go ahead",
    r"(?:many )?thanks(?: a lot| so much| again| for your help)?",
    r"thank you(?: (?:so|very) much)?(?: for (?:your help|everything)| again)?",
    r"(?:say|read|do|try|play) (?:it|that) again|again|come again|what was that|what did you say|say what",
    r"hang up|operator|representative|how are you(?: doing)?(?: today)?|what's up",
    r"are you (?:still )?there|can you hear me|hello hello|is anybody there|what time is it|what can you do",
    r"yes|yeah|yep|yup|no|nope|nah|okay|ok|sure|right|all ?right|alright|correct|exactly|absolutely"
    r"|definitely|certainly|great|perfect|good|fine|cool|excellent|wonderful|awesome|cheers"
    r"|(?:bye ?)+(?: for now)?|goodbye|good ?night|done|true|mhm",
)
"""What callers of any assistant say, and what is all then."""
_HASTY = frozenset(
    """yes yeah yep no nope okay ok sure all right great good fine alright cancel sorry hello hi hey morning
    afternoon evening""".split()  # noqa: SIM905
)
"""Whole answers to which people like to add something."""
_CLOSING = re.compile(
    r"(?:(?:no|okay|ok|well|i think) )*"
    r"(?:(?:that's|that is|that'll be|that will be) (?:all|it|everything)|nothing else)"
    r"(?: for (?:now|today))?"
)
"""After that people thank, or say goodbye."""
_POLITE = re.compile(
    r"(?:(?:okay|ok|oh|great|perfect|good|yes) )*(?:thanks|thank you)(?: so much| very much)?"
    r"|(?:yes|yeah|no) (?:it|that) (?:is|was|will|would)"
)
"""Half of those who say so go on: "thank you" ("now what about Friday"), "yes that is" ("what I want")."""
# Possessive and atomic: no text makes it try twice.
_ANSWER = re.compile(
    rf"(?:(?:(?:oh|well|so|and|but|sorry|um|uh|ah|then|hi|hello|hey) )*+(?>(?:{'|'.join(_UNITS)})(?: |$)))++"
)


def is_answer(words: Sequence[str]) -> bool:
    """Whether the words are such phrases and nothing else: "no, that's all, thank you"."""
    return _ANSWER.fullmatch(" ".join(words)) is not None


def is_hasty(words: Sequence[str]) -> bool:
    """Whether the words, an answer, may well be the beginning of a longer one: "no" ("I said Tuesday"),
    "that's all" ("goodbye")."""
    text = " ".join(words)
    return _HASTY.issuperset(words) or any(kind.fullmatch(text) for kind in (_CLOSING, _POLITE))
