"""Turn-taking: whose turn it is, as decisions from events and a clock. No I/O.

What is so (who is audible, which words nobody has answered, what is being prepared) is kept as plain state.
`_due` lists what follows from it and when; the rest is waiting. So no event needs to know what came before.

Times are seconds of any steady clock.
"""

from __future__ import annotations

from enum import Enum, auto

from app.conversation.caller_state import CallerState
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
        self._caller = CallerState(timing)
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
        self._keying = False
        self._profile = Profile.NORMAL
        # What was cut
        self._cut = False
        self._cut_at = 0.0
        self._cut_at_its_end = False

    @property
    def deadline(self) -> float | None:
        """When `tick` wants to be called."""
        return min((when for when, _ in self._due()), default=None)

    @property
    def silent_from(self) -> float:
        """When the caller's voice has ended."""
        return self._caller.silent_from

    @property
    def prompts(self) -> int:
        """How often in a row the silent caller has been asked."""
        return self._prompts

    @property
    def idle(self) -> bool:
        """Whether nobody says anything, nor is about to."""
        caller, ours = self._caller, self._ours
        return not (caller.speaks or caller.words or self._keying or self._cut or ours is not _Ours.NOTHING)

    # The caller

    @property
    def overhears(self) -> bool:
        """Whether it matters what the caller's voice sounds like: it is heard over us, or has cut us."""
        return self._caller.speaks and (self._audible or self._cut)

    @property
    def is_audible(self) -> bool:
        """Whether the caller hears us."""
        return self._audible

    def voice_started(
        self, now: float, at: float, *, certain: bool, bid: Bid = Bid.ASKS, words_follow: bool = False
    ) -> list[Decision]:
        """A voice is heard, since `at`. `certain`: it is the caller's, and no echo of ours. `bid`: what it
        sounds like. `words_follow`: its end will be told by whoever promises words."""
        if not self._caller.voice_started(now, at, certain=certain, words_follow=words_follow):
            return []
        return self.voice_sounds(now, bid) if certain else self.tick(now)

    def voice_sounds(self, now: float, bid: Bid) -> list[Decision]:
        """What the sound of the voice says by now."""
        self._caller.bid = bid
        asks = bid is Bid.ASKS and self._caller.speaks and self._audible
        return self._interrupted(now) if asks or self._speaks_up else self.tick(now)

    def voice_ended(
        self, now: float, at: float, *, certain: bool = False, words_follow: bool = False
    ) -> list[Decision]:
        """The voice has stopped at `at`; `certain`: we have heard it ourselves. Its words may still come;
        `words_follow`: they will, very soon."""
        self._caller.voice_ended(at, certain=certain, words_follow=words_follow)
        return self.tick(now)

    def stirs(self, now: float) -> None:
        """A sound that may be the beginning of the caller's voice."""
        self._caller.stirred_at = now

    def words(
        self,
        text: str,
        now: float,
        *,
        settled: bool = False,
        complete: bool = False,
        since: float | None = None,
    ) -> list[Decision]:
        """All that the caller has said and nobody has answered, as it is known now; empty if it turns out to
        be nothing. `settled`: it will not change unless more is said. `complete`: nothing more will be said.
        `since`: when the recogniser's result began, if that is not final.
        """
        self._caller.told(text, now, settled=settled, complete=complete, since=since)
        if self._caller.words:
            self._prompts = 0
        return self._interrupted(now) if self._speaks_up else self.tick(now)

    def no_words(self, now: float) -> list[Decision]:
        """The last voice that has stopped said nothing: a cough. It tells nothing of one that goes on."""
        self._caller.wordless = not self._caller.speaks
        return self.tick(now)

    def keyed(self, now: float, *, more: bool) -> None:
        """A key was pressed; with `more` to come, the caller has the turn."""
        self._keying, self._prompts, self._idle_from = more, 0, now

    # The assistant

    def speaks(self, now: float) -> None:
        """The assistant takes the turn of its own accord: the greeting, what was cut, a question."""
        self._ours, self._answers, self._cut = _Ours.SPEAKING, (), False
        self._owed_from = self._waits_from = now
        self._filled = self._counted = self._cut_at_its_end = False

    def begun(self) -> None:
        """The reply itself begins to be heard: what it answers is answered."""
        self._caller.answered()
        self._answers = ()

    def audible(self, until: float, *, filler: bool = False) -> None:
        """Something was sent, and all that was sent will have been heard at `until`."""
        self._audible, self._filled, self._counted = True, filler, False
        self._plays_until = self._waits_from = until

    def heard_out(self, now: float) -> list[Decision]:
        """Everything said has been heard."""
        # Nothing was said to them, or there was no voice to say it with.
        answered = self._caller.words == self._answers
        self._ours, self._answers, self._audible, self._idle_from = _Ours.NOTHING, (), False, now
        if self._caller.words and (answered or now - self._caller.words_at > self._timing.overlap):
            return [self._disregard(), *self.tick(now)]
        return self.tick(now)

    def unsaid(self, now: float) -> None:
        """The caller was not asked after all."""
        self._prompts = max(0, self._prompts - 1)
        self.heard_out(now)

    def cut_the_end(self) -> None:
        """What was cut was to end the call: at its end, too, "okay" asks for nothing."""
        self._cut_at_its_end = False

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
        caller, timing = self._caller, self._timing
        if self._wants_a_word and caller.is_doubtful:
            return [(caller.words_at + timing.stable, Decision.INTERRUPT)]
        if caller.speaks:
            if self._ours is _Ours.SPEAKING and not self._audible:
                return [(caller.speaks_from, Decision.HOLD)]
            if self._audible and caller.bid is not Bid.ASKS and caller.words and caller.has_words:
                return [(caller.speaks_from + timing.insists, Decision.INTERRUPT)]
            if caller.words:
                return [(caller.noise_from, Decision.NOISE)]
            if self._cut:
                alarm = max(timing.false_alarm, caller.patience_for_words)
                return [(max(caller.speaks_from, self._cut_at) + alarm, Decision.NOISE)]
            return [(caller.speaks_from + timing.wordless, Decision.NOISE)]
        if self._ours is _Ours.SPEAKING and not self._audible and self._has_gone_on:
            return [(caller.silent_from, Decision.HOLD)]
        due = self._owed() if self._ours is _Ours.SPEAKING else []
        if self._cut and (self._listens or not caller.words):
            return [*due, self._after_the_cut()]
        if caller.words and not self._audible:
            return due + self._turn()
        if caller.words and self._listens and caller.settled and not self._answers:
            # Long before our turn ends: no answer to what we say then.
            told = max(caller.words_at, caller.silent_from)
            return [*due, (told + timing.overlap, Decision.DISREGARD)]
        if self._keying:
            return due
        if self._ours is _Ours.PREPARED:
            decision = Decision.WITHDRAW if self._answers else Decision.SPEAK
            return [*due, (caller.silent_from, decision)]
        if self._ours is _Ours.NOTHING:
            decision = Decision.PROMPT if self._prompts < timing.prompts else Decision.END
            # A voice without words was none, and a noisy line has one every few seconds.
            told = min(caller.silent_from + timing.latest_words, self._idle_from + 2 * timing.prompt)
            at = max(self._idle_from + timing.prompt, told)
            return [*due, (at, decision)]
        return due

    @property
    def _has_more_words(self) -> bool:
        """Whether there are words, and others than those that are being answered."""
        return bool(self._caller.words) and self._caller.words != self._answers

    @property
    def _has_gone_on(self) -> bool:
        """Whether the caller has more to say than what is to be answered."""
        if self._answers:
            return self._has_more_words or self._keying
        return self._has_more_words and not self._listens

    @property
    def _wants_a_word(self) -> bool:
        """Whether the caller has said something over us that wants to be heard."""
        return self._audible and self._has_more_words and not self._listens

    @property
    def _speaks_up(self) -> bool:
        """The same, and there is no doubt of it."""
        return self._wants_a_word and not self._caller.is_doubtful

    @property
    def _listens(self) -> bool:
        """Whether what the caller says asks for no answer. At the end of our turn everything may."""
        if self._audible and self._caller.adds_a_sign(self._answers):
            return True  # "okay", to a filler
        return self._caller.listens(self._answers) and not self._cut_at_its_end

    def _after_the_cut(self) -> tuple[float, Decision]:
        caller, timing = self._caller, self._timing
        if caller.words:
            # Told after the voice, "yeah" is all that was said; told within it, "but" may follow.
            if caller.told_at >= caller.silent_from:
                told = caller.told_at
            elif caller.signs:
                told = caller.words_settle_at
            else:
                told = caller.told_by(caller.silent_from + timing.last_words)
            return max(told, caller.silent_from), Decision.DISREGARD
        if caller.wordless:
            return caller.silent_from, Decision.RESUME
        unnoticed = caller.noticed_at is not None and caller.noticed_at < self._cut_at - timing.noticing
        alarm = timing.unnoticed if unnoticed else timing.false_alarm
        told_by = caller.told_by(caller.silent_from + timing.late_words)
        return max(self._cut_at + alarm, told_by), Decision.RESUME

    def _turn(self) -> list[tuple[float, Decision]]:
        """When the words so far are answered in advance, and when the turn is over."""
        caller, timing = self._caller, self._timing
        settle_at = caller.words_settle_at
        if self._answers != caller.words:
            return [(max(caller.silent_from, settle_at), Decision.PREPARE)]
        if self._ours is _Ours.SPEAKING or self._keying:
            return []
        silence = 0.0 if caller.complete else patience(caller.text, self._profile)
        over_at = max(caller.spoke_until + silence, settle_at, caller.told_whole_by)
        begins_until = min(caller.stirred_at + timing.beginning, over_at + timing.beginnings)
        return [(max(over_at, begins_until), Decision.SPEAK)]

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
                self._ours, self._answers = _Ours.PREPARED, self._caller.words
            case Decision.SPEAK:
                answers = self._answers
                self.speaks(now)
                self._answers, self._waits_from = answers, self._caller.silent_from if answers else now
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
                self._caller.voice_was_noise(now)
            case Decision.INTERRUPT:
                self._interrupt(now)

    def _interrupted(self, now: float) -> list[Decision]:
        return [self._interrupt(now), *self.tick(now)]

    def _interrupt(self, now: float) -> Decision:
        # Where only a filler was heard there is nothing to go on with: its words are still to be answered.
        self._cut = not self._caller.words or self._caller.words != self._answers
        self._cut_at = now
        self._caller.interrupts()
        self._cut_at_its_end = self._plays_until - now <= self._timing.overlap
        self._ours, self._answers, self._audible = _Ours.NOTHING, (), False
        self._plays_until = self._idle_from = now
        return Decision.INTERRUPT

    def _disregard(self) -> Decision:
        self._caller.answered()
        self._caller.wordless = True
        return Decision.DISREGARD
