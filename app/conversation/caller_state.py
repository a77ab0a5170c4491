"""What is known of the caller: whether they are heard, what they said and nobody has answered. No I/O."""

from __future__ import annotations

import math

from app.conversation.back_channels import is_back_channel, may_become_back_channel
from app.conversation.decisions import Bid, Timing
from app.conversation.unfinished import is_unfinished
from app.conversation.word_classes import ONLY_SUBJECTS

MANY_WORDS = 6
"""So many different ones are said by somebody, whatever the judge of voices says: recognisers hear up to
five in a laugh."""


class CallerState:
    """Times are seconds of any steady clock. TurnTaking tells it what happens, and draws the conclusions."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        # The voice
        self.speaks = False
        self.speaks_from = 0.0
        """Since when it is heard; by us, if both we and the recogniser have heard it."""
        self._began_at = 0.0
        """When it began; by us, if both have heard it."""
        self._certain = False
        """Whether we have heard it, and not the recogniser alone."""
        self.bid = Bid.ASKS
        """What the last voice that we have heard sounds like."""
        self.silent_from = 0.0
        self._spoke_until = 0.0
        """When the last voice had ended, before the present one, that words came of."""
        self._wordless_from: float | None = None
        """When the first voice was heard after the words so far."""
        self.stirred_at = 0.0
        self.noticed_at: float | None = None
        """When the recogniser last told of a voice; None if it never does."""
        self._unended = False
        """Whether the recogniser will tell when the voice has ended, and promise its words then."""
        self._promised_at: float | None = None
        """When the voice had ended of which the recogniser is about to tell all words."""
        self.wordless = False
        """Whether it is known that no words come from the last voice."""
        # The words
        self.words: tuple[str, ...] = ()
        self.text = ""
        self.words_at = 0.0
        """When they last changed."""
        self.told_at = 0.0
        """When they were last told, changed or not."""
        self._result_lasts = 0.0
        """How long the recogniser's result was by then, if it was to go on."""
        self.settled = False
        self.complete = False
        self.signs = False
        """Whether they only say that somebody listens: "mm-hm"."""

    def voice_started(self, now: float, at: float, *, certain: bool, words_follow: bool) -> bool:
        """See TurnTaking. False if it has ended already, told late by a recogniser."""
        if not certain:
            self.noticed_at, self._promised_at, self._unended = now, None, words_follow
            if at <= self.silent_from:
                return False
        if not self.speaks:
            if self._wordless_from is None:
                self._wordless_from = now
            self._spoke_until = self.spoke_until
            self.speaks, self.speaks_from, self.settled = True, now, False
            self.bid, self._certain, self._began_at = Bid.ASKS, False, at
        if certain and not self._certain:
            # Up to now it may have been an echo, which does not insist.
            self._certain, self.speaks_from, self._began_at = True, now, at
        return True

    def voice_ended(self, at: float, *, certain: bool, words_follow: bool) -> None:
        """See TurnTaking."""
        if words_follow:
            self._promised_at, self._unended = at, False
        if self.speaks and (certain or at >= self._began_at):
            # Otherwise it was an earlier voice, told late by a recogniser.
            self.speaks, self.silent_from = False, at

    def voice_was_noise(self, now: float) -> None:
        """What seemed to be a voice is noise, or has become it."""
        self.wordless = not self.has_words
        self.speaks, self.silent_from = False, now if self.has_words else self._spoke_until

    def interrupts(self) -> None:
        """The voice has stopped us: what came before it tells nothing of it."""
        self.wordless, self._wordless_from = False, self.speaks_from if self.speaks else None

    def told(self, text: str, now: float, *, settled: bool, complete: bool, since: float | None) -> None:
        """All words that nobody has answered, as they are known now; see TurnTaking."""
        words = words_of(text)
        self.told_at = now
        self._result_lasts = 0.0 if since is None else now - since
        if settled:
            self._promised_at = None
        if words != self.words:
            self.words_at, self._wordless_from = now, None
            if words and not self.speaks and now - self.silent_from > self._timing.latest_words:
                # A voice that nobody has noticed.
                self.silent_from = now
        self.text, self.words, self.settled, self.complete = text, words, settled, complete
        self.signs = is_back_channel(text)

    @property
    def has_words(self) -> bool:
        """Whether any have been told since the last voice began."""
        return self.words_at >= self.speaks_from

    @property
    def spoke_until(self) -> float:
        """When a voice had ended that words came of: one without any does not begin the silence anew."""
        return self.silent_from if self.has_words else self._spoke_until

    def answered(self) -> None:
        """Nobody has to answer these words any more."""
        self.text, self.words = "", ()

    @property
    def is_doubtful(self) -> bool:
        """Whether the words of a voice that seems to listen may still become a "yeah": a single "for" or
        "the" may be a wrong guess at one, "got" its first half. Who has more to say has said it soon."""
        if self.bid is not Bid.WAITS or self.settled:
            return False
        single = len(self.words) == 1 and (self.words[0] in ONLY_SUBJECTS or is_unfinished(self.words))
        return single or may_become_back_channel(self.words)

    @property
    def told_whole_by(self) -> float:
        """When the last sounds of the voice have been told: they may have been words."""
        if self.told_at >= self.silent_from:
            return self.told_by(self.silent_from)
        return self.told_by(min(self.silent_from + self._timing.last_words, self._nothing_new_by))

    def told_by(self, usually: float) -> float:
        """When all words of the last voice have been told, which `usually` they have by then."""
        if self._unended:
            return max(usually, self.silent_from + self._timing.unended)
        if self._promised_at is None:
            return usually
        return max(usually, self._promised_at + self._timing.promised_words)

    @property
    def noise_from(self) -> float:
        """When the present voice is noise unless another word comes."""
        alone = max(self.speaks_from, self.words_at) + self.patience_for_words
        return min(alone, max(self._nothing_new_by, self.speaks_from + self._timing.interims))

    @property
    def _nothing_new_by(self) -> float:
        """When all voices since the last word are noise: in a babble they begin again and again."""
        if self._wordless_from is None:
            return math.inf
        return self._wordless_from + self._timing.babble * self.patience_for_words

    @property
    def patience_for_words(self) -> float:
        """A voice that goes on for so long without another word is noise."""
        timing = self._timing
        if not self._unended:
            return timing.no_more_words
        return max(timing.promised_end, timing.promised_share * self._result_lasts)

    @property
    def words_settle_at(self) -> float:
        """From when on they may be answered."""
        if self.settled:
            return self.words_at
        if self.speaks:
            return self.words_at + self._timing.stable
        # The nearer they are to when the last ones usually come, the likelier they are those.
        away = abs(self.silent_from + self._timing.last_words - self.words_at) / self._timing.last_words
        return self.words_at + self._timing.stable * min(1.0, away)

    def adds_a_sign(self, answered: tuple[str, ...]) -> bool:
        """Whether the words say no more than what is being answered, and "okay"."""
        said = len(answered)
        more = " ".join(self.words[said:])
        return bool(answered) and self.words[:said] == answered and is_back_channel(more)

    def listens(self, answered: tuple[str, ...]) -> bool:
        """Whether the words ask for no answer, or the voice in which they were said; of some it is being made
        already."""
        its_own = self.speaks or self.told_at - self.silent_from < self._timing.latest_words
        few = len(set(self.words).difference(answered)) < MANY_WORDS
        return self.signs or (self.bid is Bid.LISTENS and its_own and few)


def words_of(text: str) -> tuple[str, ...]:
    """The words alone, to tell whether two versions of a text say the same."""
    kept = "".join(c if c.isalnum() or c == "'" else " " for c in text.casefold())
    return tuple(kept.split())
