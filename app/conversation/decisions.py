"""What turn-taking is told of a voice, what it decides, and the times by which it does. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Bid(Enum):
    """What the sound of a voice says, as far as it is known."""

    ASKS = auto()
    """Somebody wants to be heard."""
    WAITS = auto()
    """Likelier not, but words may prove it."""
    LISTENS = auto()
    """Surely not: whatever is made of its words, as long as they are few, it only says that it listens."""


class Decision(Enum):
    PREPARE = auto()
    """Have an answer made to the words so far, in silence. One that was being prepared is thrown away."""
    SPEAK = auto()
    """The turn is over: the prepared answer may be heard."""
    HOLD = auto()
    """The caller goes on, and nothing of the answer has been heard yet: keep it back."""
    WITHDRAW = auto()
    """There were no words after all: throw the prepared answer away."""
    INTERRUPT = auto()
    """Stop speaking."""
    DISREGARD = auto()
    """The words so far ask for no answer: "mm-hm"."""
    RESUME = auto()
    """Go on where the assistant was cut."""
    FILL = auto()
    """The answer takes long: say so."""
    SILENCE = auto()
    """The caller has been left in silence: count it."""
    PROMPT = auto()
    """The caller is silent: ask."""
    END = auto()
    """Nobody is there: say goodbye and hang up."""
    NOISE = auto()
    """What sounds like a voice goes on without words: it is none."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The numbers, in seconds."""

    stable: float = 0.25
    """Words unchanged for so long may be answered in advance: recognisers revise them faster than that. Those
    that come when the last ones usually do (`last_words`) have no others behind them."""
    false_alarm: float = 2.0
    """A voice without words for so long was none (livekit's `false_interruption_timeout`, 2.0)."""
    unnoticed: float = 1.0
    """As is one that the recogniser has not noticed for so long, where it tells of voices."""
    noticing: float = 0.5
    """It may notice a voice so long before we do."""
    late_words: float = 0.8
    """The first words of a voice come so long after its end, nearly always."""
    last_words: float = 0.55
    """Its last words, within the same voice, come so long after its end, nearly always."""
    unended: float = 0.8
    """A recogniser that promises words tells the end of a voice so long after us at the latest. One that
    hears a voice for longer hears another: noise."""
    promised_words: float = 2.0
    """Those that a recogniser is about to tell come so long after it, even if it has too much to do."""
    promised_end: float = 2.5
    """One that promises them tells of those before so rarely."""
    promised_share: float = 0.6
    """In a long result more rarely: after this share of it. The local recogniser begins to decode again after
    0.4 of it, and needs 0.1 of it for that."""
    beginning: float = 0.1
    """A sound may be the beginning of a voice for so long, until it is told."""
    beginnings: float = 0.25
    """And sounds keep a turn from ending for so long in all: they may as well be noise."""
    latest_words: float = 3.0
    """And the last ones so long: Google's finals take up to 2.4 s."""
    filler: float = 1.2
    """Silence after which people take the line for dead unless they hear something."""
    least_wait: float = 0.4
    """But an answer that has just been decided upon gets so long."""
    silence: float = 2.0
    """Silence that counts as a defect."""
    prompt: float = 8.0
    """The caller's silence after which to ask."""
    prompts: int = 2
    """How often to ask before the call is given up."""
    wordless: float = 10.0
    """A voice that goes on for so long without any word is noise."""
    no_more_words: float = 1.6
    """As is one that goes on for so long after the last word, while an answer waits; interims come within a
    second."""
    babble: float = 1.5
    """Several such voices, one after the other, get so much of that time together."""
    interims: float = 1.0
    """But each of them this, in which the first interim of a voice comes."""
    insists: float = 2.0
    """Who has spoken over us for so long wants to be heard if words come of it, whatever the judge of voices
    says. Without any it is a crying child, a bell, a laugh."""
    overlap: float = 1.0
    """A "yes" that ends so shortly before our turn does is an answer to it; an earlier one was listening."""


TIMING = Timing()
