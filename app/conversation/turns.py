"""Turn-taking: whose turn it is, as decisions from events and a clock. No I/O.

The caller's voice stops the assistant; a finished utterance is answered; a voice that turns out to be no
words is a false alarm, after which the assistant goes on where it was cut.
"""

from __future__ import annotations

from enum import Enum, auto

FALSE_ALARM_SECONDS = 2.0
"""After a voice without words the assistant goes on (livekit's `false_interruption_timeout`, 2.0)."""
LATE_FINAL_SECONDS = 2.0
"""How long words already final wait for those of a voice that has just stopped."""


class Decision(Enum):
    INTERRUPT = auto()
    """Stop speaking, or preparing to."""
    RESPOND = auto()
    """Answer what the caller has said."""
    RESUME = auto()
    """Go on where the assistant was cut."""


class TurnTaking:
    """Feed it what happens, do what it decides, and call `tick` at its `deadline`.

    After an INTERRUPT, tell it by `interrupted` whether anything of the reply had been heard.
    """

    def __init__(self) -> None:
        self.deadline: float | None = None
        """When `tick` wants to be called."""
        self._voice = False
        self._replying = False
        self._answering = False
        self._unanswered = False
        self._cut = False

    def speech_started(self) -> list[Decision]:
        """The caller's voice is heard."""
        self._voice = True
        self.deadline = None
        return self._stop()

    def interim(self, now: float) -> list[Decision]:
        """Words are heard. A recogniser without voice activity tells only this way that the caller speaks."""
        decisions = self._stop()
        if not self._voice:
            self._wait_for_words(now)
        return decisions

    def speech_ended(self, now: float) -> list[Decision]:
        """The voice has stopped. Its words may still come."""
        self._voice = False
        self._wait_for_words(now)
        return []

    def no_words(self) -> list[Decision]:
        """The voice that has just stopped said nothing: a cough."""
        return self._go_on()

    def final(self) -> list[Decision]:
        """Words that will not change. They are answered now, or when the voice that goes on has stopped."""
        decisions = self._stop()
        self._cut = False
        self._unanswered = True
        if self._voice:
            return decisions
        return [*decisions, self._respond()]

    def tick(self, now: float) -> list[Decision]:
        """The deadline may have passed."""
        if self.deadline is None or now < self.deadline:
            return []
        return self._go_on()

    def _go_on(self) -> list[Decision]:
        """Nobody speaks and no words are on their way: answer what is owed, or resume."""
        if self._voice or self._replying:
            return []
        self.deadline = None
        if self._unanswered:
            return [self._respond()]
        if self._cut:
            self._cut = False
            self.reply_started()
            return [Decision.RESUME]
        return []

    def reply_started(self) -> None:
        """The assistant speaks of its own accord: the greeting."""
        self._replying = True
        self._answering = False

    def reply_ended(self) -> None:
        """Everything said has been heard."""
        self._replying = False

    def interrupted(self, *, anything_heard: bool) -> None:
        """How the interruption fell out. An answer of which nothing was heard is still owed."""
        if self._replying:
            # The next answer has been decided upon: it covers all.
            return
        if self._answering and not anything_heard:
            self._unanswered = True
        else:
            self._cut = True

    def _stop(self) -> list[Decision]:
        if not self._replying:
            return []
        self._replying = False
        return [Decision.INTERRUPT]

    def _wait_for_words(self, now: float) -> None:
        if self._unanswered:
            self.deadline = now + LATE_FINAL_SECONDS
        elif self._cut:
            self.deadline = now + FALSE_ALARM_SECONDS

    def _respond(self) -> Decision:
        self.deadline = None
        self._unanswered = False
        self._replying = self._answering = True
        return Decision.RESPOND
