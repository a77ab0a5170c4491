"""The phrases with which callers ask to have something kept.

"Rewind me", "remind be", "ad milk" and "two do list" are what a small recogniser makes of them over a
telephone line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.services.language_model.interface import ItemKind
from app.services.language_model.local.templates import expression, starting


@dataclass(frozen=True, slots=True)
class Opening:
    """A phrase that opens a wish; what is wanted follows it, or is its group "what".

    `verbatim`: a note, whose words are kept as they were said. `soft`: a need that the caller speaks of
    ("I have to…"), not a request.
    """

    kind: ItemKind
    pattern: re.Pattern[str]
    verbatim: bool = False
    soft: bool = False


_A = "[(a|an|another|the|this|one|my) ][(quick|new|short) ]"
_NOTE = (
    f"(take|make|write|leave|ad|add|create|jot|record|save|keep|set) [down ][me ]{_A}"
    "(note|notes|memo|message)"
)
_ADD = "(ad|add|had|put|write|place|stick|enter|get)"
_ONTO = "(to|on|onto|in|into|two)"
_LIST = "[(my|the|our|a) ][(todo|to-do|to do|two do|shopping|grocery|task) ]list"
_MEETING = (
    "(appointment|meeting|interview|visit|consultation|conference|session|lunch|dinner|breakfast|date|checkup"
    "|check-up|lesson|call)[s]"
)
_UNIT = "(minutes|hours|days|weeks|months|o'clock|p|a)"


def _with_what(after: str) -> re.Pattern[str]:
    """ "Add … to my list", with the words between."""
    return re.compile(rf"\b{expression(_ADD)} (?P<what>[^.!?]{{1,200}}?) {expression(after)}\b", re.I)


# In the order of preference where two begin at the same word.
OPENINGS = (
    Opening("reminder", starting(
        "(remind|reminds|reminder|reminded|rewind|remained) (me|be|us|my)[ again]",
        before=rf"\b(?: (?:two|too)\b(?! {expression(_UNIT)}\b))?",
    )),
    Opening("reminder", starting(
        f"(set|make|create|ad|add|put|give|need|want|like|have|schedule|get) [(up|in) ][me ]{_A}reminder",
        "(don't|do not) let me forget",
    )),
    Opening("reminder", starting("[a ]reminder", before=r"(?=\s*[:,]| (?:to|about|for|that|of)\b)")),
    Opening("reminder", starting("", before=r"(?=wake me\b)")),
    Opening("reminder", starting(f"(set|make) {_A}", before=r"(?=alarm\b)")),
    Opening("note", starting(f"{_NOTE}[ down][ for me]", before=r" (?=to\b(?! (?:self|myself)\b))")),
    Opening("note", starting(
        f"{_NOTE}[ to (self|myself)][ down]", f"(have|need|want) {_A}note",
        "(write|jot|take|put) [(this|that|it|the following) ]down",
        "remember (that|this)", "keep in mind",
        "note[ to self][ down] (down|that|this|the following)[ down]",
    ), verbatim=True),
    Opening("note", starting("note[ to self]", before=r"\s*[:,]"), verbatim=True),
    Opening("note", starting("remember", before=r"(?= (?!to\b))"), verbatim=True),
    Opening("todo", starting(f"{_ADD} [down ]{_ONTO} {_LIST}")),
    Opening("todo", _with_what(f"{_ONTO} {_LIST}")),
    Opening("todo", starting(
        f"(ad|add|create|make|set|put|give|have|new|need) [me ]{_A}(todo|to-do|to do|task|action item)[s]",
        "remember to", "(don't|do not) forget", "make sure [that ](i|to)",
    )),
    Opening("todo", starting("(todo|to-do|to do|task|action item)", before=r"\s*[:,.]")),
    Opening("appointment", _with_what(f"{_ONTO} (my|the|our) calendar")),
    Opening("appointment", starting(
        f"(make|create|ad|add|set[ up]|arrange|plan|organize|put[ in]|enter|have|get|got|need|want|is"
        f"|there's) [(me|us) ]{_A}",
        before=rf"(?=(?:[\w'-]+ ){{0,2}}{expression(_MEETING)}\b)",
    )),
    Opening("appointment", starting(f"(schedule|book|reserve)[ (me|us)][ in] {_A}", before="")),
    Opening("todo", starting(
        "(i|we)[('ve|'ll)][ (really|still|also|just)] ((need|have|got|ought|had) to|gotta|must|should)"
        "[ not forget (to|about)]"
    ), soft=True),
    Opening("todo", starting("(ad|add)", before=r"(?= \w)"), soft=True),
)  # fmt: skip
