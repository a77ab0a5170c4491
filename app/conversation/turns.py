"""Turn-taking: whose turn it is, as decisions from events and a clock. No I/O.

What is so (who is audible, which words nobody has answered, what is being prepared) is kept as plain state.
`_due` lists what follows from it and when; the rest is waiting. So no event needs to know what came before.

Times are seconds of any steady clock.
"""

from __future__ import annotations

from enum import Enum, auto

from app.conversation.back_channels import is_back_channel
from app.conversation.decisions import TIMING, Bid, Decision, Timing
from app.conversation.endpointing import Profile, patience, profile


class _Ours(Enum):
    NOTHING = auto()
    PREPARED = auto()
    """Being made or ready, and kept back."""
    SPEAKING = auto()
    """Heard as soon as there is something to hear."""


class TurnTaking:
    """Feed it what happens, do what it decides, and call `tick` at its `deadline`."""

    def __init__(self, timing: Timing = TIMING) -> None:
        self._timing = timing
        # The caller
        self._voice = False
        self._voice_from = 0.0
        """Since when it is heard; by us, if both we and the recogniser have heard it."""
        self._certain = False
        """Whether we have heard it, and not the recogniser alone."""
        self._bid = Bid.ASKS
        """What the last voice that we have heard sounds like."""
        self._silent_from = 0.0
        self._stirs_at = 0.0
        self._noticed_at: float | None = None
        """When the recogniser last told of a voice; None if it never does."""
        self._words: tuple[str, ...] = ()
        self._text = ""
        self._words_at = 0.0
        """When they last changed."""
        self._told_at = 0.0
        """When they were last told, changed or not."""
        self._settled = False
        self._unended = False
        """Whether the recogniser will tell when the voice has ended, and promise its words then."""
        self._promised_at: float | None = None
        """When the voice had ended of which the recogniser is about to tell all words."""
        self._complete = False
        self._signs = False
        """Whether the words only say that somebody listens: "mm-hm"."""
        self._prompts = 0
        # The assistant
        self._ours = _Ours.NOTHING
        self._answers: tuple[str, ...] = ()
        """The words that are being answered, until something of the answer is heard; none if it speaks of its
        own accord."""
        self._audible = False
        self._owed_from = 0.0
        self._waits_from = 0.0
        self._plays_until = 0.0
        self._filled = False
        self._counted = False
        self._idle_from = 0.0
        self._profile = Profile.NORMAL
        # What was cut
        self._cut = False
        self._cut_at = 0.0
        self._cut_at_its_end = False
        self._wordless = False
        """Whether it is known that no words come from the voice that cut us."""

    @property
    def deadline(self) -> float | None:
        """When `tick` wants to be called."""
        return min((when for when, _ in self._due()), default=None)

    @property
    def silent_from(self) -> float:
        """When the caller's voice has ended."""
        return self._silent_from

    @property
    def prompts(self) -> int:
        """How often in a row the silent caller has been asked."""
        return self._prompts

    @property
    def idle(self) -> bool:
        """Whether nobody says anything, nor is about to."""
        return not (self._voice or self._words or self._cut or self._ours is not _Ours.NOTHING)

    # The caller

    @property
    def overhears(self) -> bool:
        """Whether it matters what the caller's voice sounds like: it is heard over us, or has cut us."""
        return self._voice and (self._audible or self._cut)

    @property
    def is_audible(self) -> bool:
        """Whether the caller hears us."""
        return self._audible

    def voice_started(
        self, now: float, at: float, *, certain: bool, bid: Bid = Bid.ASKS, words_follow: bool = False
    ) -> list[Decision]:
        """A voice is heard, since `at`. `certain`: it is the caller's, and no echo of ours. `bid`: what it
        sounds like. `words_follow`: its end will be told by whoever promises words."""
        if not certain:
            self._noticed_at, self._promised_at, self._unended = now, None, words_follow
        if not certain and at <= self._silent_from:
            # Told late, by a recogniser: it has ended already.
            return []
        if not self._voice:
            self._voice, self._voice_from, self._settled = True, now, False
            self._bid, self._certain = Bid.ASKS, False
        if not certain:
            return self.tick(now)
        if not self._certain:
            # Up to now it may have been an echo, which does not insist.
            self._certain, self._voice_from = True, now
        return self.voice_sounds(now, bid)

    def voice_sounds(self, now: float, bid: Bid) -> list[Decision]:
        """What the sound of the voice says by now."""
        self._bid = bid
        asks = bid is Bid.ASKS and self._voice and self._audible
        return self._interrupted(now) if asks or self._speaks_up else self.tick(now)

    def voice_ended(self, now: float, at: float, *, words_follow: bool = False) -> list[Decision]:
        """The voice has stopped at `at`. Its words may still come; `words_follow`: they will, very soon."""
        if words_follow:
            self._promised_at, self._unended = at, False
        if self._voice:
            self._voice, self._silent_from = False, at
        return self.tick(now)

    def stirs(self, now: float) -> None:
        """A sound that may be the beginning of the caller's voice."""
        self._stirs_at = now

    def words(
        self, text: str, now: float, *, settled: bool = False, complete: bool = False
    ) -> list[Decision]:
        """All that the caller has said and nobody has answered, as it is known now; empty if it turns out to
        be nothing. `settled`: it will not change unless more is said. `complete`: nothing more will be said.
        """
        words = words_of(text)
        self._told_at = now
        if settled:
            self._promised_at = None
        if words != self._words:
            self._words_at = now
            if words and not self._voice and now - self._silent_from > self._timing.latest_words:
                # A voice that nobody has noticed.
                self._silent_from = now
        self._text, self._words, self._settled, self._complete = text, words, settled, complete
        if not words:
            return self.tick(now)
        self._prompts = 0
        self._signs = is_back_channel(text)
        return self._interrupted(now) if self._speaks_up else self.tick(now)

    def no_words(self, now: float) -> list[Decision]:
        """The last voice that has stopped said nothing: a cough. It tells nothing of one that goes on."""
        self._wordless = not self._voice
        return self.tick(now)

    # The assistant

    def speaks(self, now: float) -> None:
        """The assistant takes the turn of its own accord: the greeting, what was cut, a question."""
        self._ours, self._answers, self._cut = _Ours.SPEAKING, (), False
        self._owed_from = self._waits_from = now
        self._filled = self._counted = self._cut_at_its_end = False

    def begun(self) -> None:
        """The reply itself begins to be heard: what it answers is answered."""
        self._forget_words()
        self._answers = ()

    def audible(self, until: float, *, filler: bool = False) -> None:
        """Something was sent, and all that was sent will have been heard at `until`."""
        self._audible, self._filled, self._counted = True, filler, False
        self._plays_until = self._waits_from = until

    def heard_out(self, now: float) -> list[Decision]:
        """Everything said has been heard."""
        # Nothing was said to them, or there was no voice to say it with.
        answered = self._words == self._answers
        self._ours, self._answers, self._audible, self._idle_from = _Ours.NOTHING, (), False, now
        if self._words and (answered or now - self._words_at > self._timing.overlap):
            return [self._disregard(), *self.tick(now)]
        return self.tick(now)

    def unsaid(self, now: float) -> None:
        """The caller was not asked after all."""
        self._prompts = max(0, self._prompts - 1)
        self.heard_out(now)

    def asked(self, text: str) -> None:
        """What the assistant said last tells what kind of answer to expect."""
        self._profile = profile(text)

    def tick(self, now: float) -> list[Decision]:
        """What follows now from what is so."""
        decisions = []
        while due := [entry for entry in self._due() if entry[0] <= now]:
            _, decision = min(due, key=lambda entry: entry[0])
            self._apply(decision, now)
            decisions.append(decision)
        return decisions

    def _due(self) -> list[tuple[float, Decision]]:
        """What follows from what is so, and when."""
        timing = self._timing
        if self._voice:
            if self._ours is _Ours.SPEAKING and not self._audible:
                return [(self._voice_from, Decision.HOLD)]
            if self._audible and self._bid is not Bid.ASKS:
                return [(self._voice_from + timing.insists, Decision.INTERRUPT)]
            if self._words:
                return [(max(self._voice_from, self._words_at) + timing.no_more_words, Decision.NOISE)]
            return [(self._voice_from + timing.wordless, Decision.NOISE)]
        if self._ours is _Ours.SPEAKING and not self._audible and self._answers and self._has_more_words:
            return [(self._words_at, Decision.HOLD)]
        due = self._owed() if self._ours is _Ours.SPEAKING else []
        if self._cut and (self._listens or not self._words):
            return [*due, self._after_the_cut()]
        if self._words and not self._audible:
            return due + self._turn()
        if self._words and self._listens and self._settled and not self._answers:
            # Long before our turn ends: no answer to what we say then.
            return [*due, (max(self._words_at, self._silent_from) + timing.overlap, Decision.DISREGARD)]
        if self._ours is _Ours.PREPARED:
            decision = Decision.WITHDRAW if self._answers else Decision.SPEAK
            return [*due, (self._silent_from, decision)]
        if self._ours is _Ours.NOTHING:
            decision = Decision.PROMPT if self._prompts < timing.prompts else Decision.END
            # A voice without words was none, and a noisy line has one every few seconds.
            at = max(self._idle_from + timing.prompt, self._silent_from + timing.latest_words)
            return [*due, (at, decision)]
        return due

    @property
    def _has_more_words(self) -> bool:
        """Whether there are words, and others than those that are being answered."""
        return bool(self._words) and self._words != self._answers

    @property
    def _speaks_up(self) -> bool:
        """Whether the caller has said something over us that wants to be heard."""
        return self._audible and self._has_more_words and not self._listens

    @property
    def _listens(self) -> bool:
        """Whether the words ask for no answer: they only say that somebody listens."""
        its_own = self._voice or self._told_at - self._silent_from < self._timing.latest_words
        sounds_so = self._bid is Bid.LISTENS and its_own
        return (self._signs or sounds_so) and not self._cut_at_its_end

    def _after_the_cut(self) -> tuple[float, Decision]:
        timing = self._timing
        if self._words:
            # Told after the voice, "yeah" is all that was said; told within it, "but" may follow.
            if self._told_at >= self._silent_from:
                told = self._told_at
            elif self._signs:
                told = self._words_settle_at()
            else:
                told = self._told_by(self._silent_from + timing.last_words)
            return max(told, self._silent_from), Decision.DISREGARD
        if self._wordless:
            return self._silent_from, Decision.RESUME
        unnoticed = self._noticed_at is not None and self._noticed_at < self._cut_at - timing.noticing
        alarm = timing.unnoticed if unnoticed else timing.false_alarm
        told_by = self._told_by(self._silent_from + timing.late_words)
        return max(self._cut_at + alarm, told_by), Decision.RESUME

    def _turn(self) -> list[tuple[float, Decision]]:
        """When the words so far are answered in advance, and when the turn is over."""
        settle_at = self._words_settle_at()
        if self._answers != self._words:
            return [(max(self._silent_from, settle_at), Decision.PREPARE)]
        if self._ours is _Ours.SPEAKING:
            return []
        silence = 0.0 if self._complete else patience(self._text, self._profile)
        # The last sounds of the voice may have been words that are not told yet.
        late = self._timing.last_words if self._told_at < self._silent_from else 0.0
        told_by = self._told_by(self._silent_from + late)
        over_at = max(self._silent_from + silence, settle_at, told_by)
        begins_until = min(self._stirs_at + self._timing.beginning, over_at + self._timing.beginnings)
        return [(max(over_at, begins_until), Decision.SPEAK)]

    def _told_by(self, usually: float) -> float:
        """When all words of the last voice have been told, which `usually` they have by then."""
        if self._unended:
            return max(usually, self._silent_from + self._timing.unended)
        return usually if self._promised_at is None else self._promised_at + self._timing.promised_words

    def _words_settle_at(self) -> float:
        return self._words_at + (0.0 if self._settled else self._timing.stable)

    def _owed(self) -> list[tuple[float, Decision]]:
        """What happens while the caller waits to hear something from us."""
        timing = self._timing
        due: list[tuple[float, Decision]] = []
        if not self._filled:
            due.append(
                (max(self._waits_from + timing.filler, self._owed_from + timing.least_wait), Decision.FILL)
            )
        if not self._counted:
            due.append((max(self._owed_from, self._plays_until) + timing.silence, Decision.SILENCE))
        return due

    def _apply(self, decision: Decision, now: float) -> None:
        match decision:
            case Decision.PREPARE:
                self._ours, self._answers = _Ours.PREPARED, self._words
            case Decision.SPEAK:
                answers = self._answers
                self.speaks(now)
                self._answers, self._waits_from = answers, self._silent_from if answers else now
            case Decision.HOLD:
                self._ours = _Ours.PREPARED
            case Decision.WITHDRAW:
                self._ours, self._answers, self._idle_from = _Ours.NOTHING, (), now
            case Decision.DISREGARD:
                self._disregard()
            case Decision.RESUME | Decision.PROMPT | Decision.END:
                self._prompts += decision is Decision.PROMPT
                self.speaks(now)
            case Decision.FILL:
                self._filled = True
            case Decision.SILENCE:
                self._counted = True
            case Decision.NOISE:
                self._voice, self._silent_from = False, now
            case Decision.INTERRUPT:
                self._interrupt(now)

    def _interrupted(self, now: float) -> list[Decision]:
        return [self._interrupt(now), *self.tick(now)]

    def _interrupt(self, now: float) -> Decision:
        # Where only a filler was heard there is nothing to go on with: its words are still to be answered.
        self._cut = not self._words or self._words != self._answers
        self._cut_at, self._wordless = now, False
        self._cut_at_its_end = self._plays_until - now <= self._timing.overlap
        self._ours, self._answers, self._audible = _Ours.NOTHING, (), False
        self._plays_until = self._idle_from = now
        return Decision.INTERRUPT

    def _disregard(self) -> Decision:
        self._forget_words()
        self._wordless = True
        return Decision.DISREGARD

    def _forget_words(self) -> None:
        self._text, self._words = "", ()


def words_of(text: str) -> tuple[str, ...]:
    """The words alone, to tell whether two versions of a text say the same."""
    kept = "".join(c if c.isalnum() or c == "'" else " " for c in text.casefold())
    return tuple(kept.split())
