"""What the assistant hears: the caller's words as lines of the transcript, without echoes of its own."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from app.conversation.caller_turn import CallerTurn
from app.conversation.echoed_words import is_echo
from app.conversation.line import Line
from app.conversation.transcript import Transcript
from app.services.speech_to_text import Final, Interim

ECHO_MS = 400
"""So long after we were last heard our words still come back; lines hold a sound 20 to 500 ms."""
VOICE_MS = 300
"""A voice that begins so long before a result is the one in it: recognisers are late by less."""
YOUNG_MS = 2000
"""An answer to words that turn out to be others is taken back within its first two seconds: later the caller
has heard that they were misunderstood."""
LAST_LINES = 4
"""Of the transcript; what the assistant said in them may come back."""


class Span(NamedTuple):
    """Milliseconds of the line's clock."""

    from_ms: int
    until_ms: int


class Hearing:
    """Writes what the recogniser hears, and knows which of it waits for an answer."""

    def __init__(self, line: Line, transcript: Transcript) -> None:
        self._line = line
        self._transcript = transcript
        self._earlier = len(transcript.lines)
        """Lines of earlier streams: what was said there does not come back on this one."""
        self._turn = CallerTurn()
        self._spoken: deque[Span] = deque(maxlen=LAST_LINES)
        self._voice_ms = -VOICE_MS
        """When the caller's voice has begun, as far as that is certain."""
        self._closed_ms = 0
        self._heard = True
        """Whether something of the last answer has been heard."""

    @property
    def words(self) -> str:
        """All that the caller has said and nobody has answered."""
        return self._turn.words

    def spoke(self, from_ms: int, until_ms: int) -> None:
        """The assistant is audible from then to then, on the line's clock."""
        if self._spoken and from_ms <= self._spoken[-1].until_ms + ECHO_MS:
            from_ms = self._spoken.pop().from_ms
        self._spoken.append(Span(from_ms, until_ms))

    def hushed(self, now_ms: int) -> None:
        """It is not audible any more, whatever was to come."""
        if self._spoken:
            last = self._spoken.pop()
            self._spoken.append(Span(last.from_ms, min(last.until_ms, now_ms)))

    def voice(self, at_ms: int) -> None:
        """The caller's voice, and not an echo of ours, has begun."""
        self._voice_ms = at_ms

    def has_noticed(self, started_ms: int) -> bool:
        """Whether we have heard the voice of a result that began then, and not the recogniser alone."""
        return self._voice_ms >= started_ms - VOICE_MS

    def interim(self, event: Interim, *, others: bool) -> bool:
        """A guess at the caller's words. False if it has none. `others`: the line carries more voices than
        the caller's."""
        text = self._own(event.text, event.started_ms, self._line.now_ms(), others=others, is_final=False)
        if not text:
            return False
        self._go_on(text)
        closed, line = self._turn.interim(text)
        self._close(closed)
        if line:
            self._write(line, self._from(event), self._line.now_ms(), is_final=False)
        return True

    def final(self, event: Final, *, others: bool) -> bool:
        """The words will not change. False if there are none of the caller's."""
        text = self._own(event.text, event.started_ms, event.ended_ms, others=others, is_final=True)
        if not text:
            self._turn.final("")
            self._transcript.drop("user")
            return False
        self._go_on(text)
        closed, line = self._turn.final(text)
        self._close(closed)
        if line:
            self._write(line, self._from(event), event.ended_ms, is_final=True, confidence=event.confidence)
        if self._turn.misread and self._answers_since_ms() < YOUNG_MS:
            self._turn.take_back()
        return True

    def keyed(self, text: str) -> None:
        """What the caller has entered with the keys."""
        now_ms = self._line.now_ms()
        if line := self._transcript.open_line("user"):
            self._close(line.text)
        self._turn.entered(text)
        self._write(text, now_ms, now_ms, is_final=True)

    def answer(self) -> None:
        """All words so far are answered, or ask for no answer."""
        self._turn.answer()
        self._heard = False

    def heard(self) -> None:
        """Something of the answer has been heard: it is a turn of its own."""
        self._heard = True

    def take_back(self) -> None:
        """Nothing of the last answer was heard."""
        self._turn.take_back()

    def finish(self) -> None:
        """What is open stays as it was heard."""
        if line := self._transcript.open_line("user"):
            self._turn.final(line.text)
            self._write(line.text, line.started_ms, line.ended_ms, is_final=True)

    def _close(self, text: str) -> None:
        line = self._transcript.open_line("user")
        if text and line:
            self._write(text, line.started_ms, line.ended_ms, is_final=True)
            self._closed_ms = line.ended_ms

    def _from(self, event: Interim | Final) -> int:
        """When the open line of a result began: after its closed one, where it has one."""
        return max(event.started_ms, self._closed_ms)

    def _go_on(self, text: str) -> None:
        """A caller who goes on before anything of the answer was heard has never been answered."""
        if not self._heard and not self._line.heard() and self._turn.goes_on(text):
            self._turn.take_back()

    def _answers_since_ms(self) -> int:
        """How long the assistant has been audible."""
        return self._line.now_ms() - self._spoken[-1].from_ms if self._spoken else 0

    def _own(self, text: str, started_ms: int, ended_ms: int, *, others: bool, is_final: bool) -> str:
        """The caller's words in a result: all of them, or none if the voice was ours."""
        lasts_ms = ended_ms - started_ms
        audible_ms = sum(
            max(0, min(ended_ms, until_ms + ECHO_MS) - max(started_ms, from_ms))
            for from_ms, until_ms in self._spoken
        )
        if not audible_ms:
            return text
        if self.has_noticed(started_ms) or 2 * audible_ms < lasts_ms:
            return text
        # Only the recogniser has heard a voice. On a line with others it was theirs, elsewhere a soft one.
        if others or is_echo(text, self._ours()) or not (is_final or len(text.split()) > 1):
            return ""
        return text

    def _ours(self) -> str:
        """What the assistant has said in the last lines, and is saying."""
        last = self._transcript.lines[self._earlier :][-LAST_LINES:]
        said = [line.text for line in last if line.speaker == "assistant"]
        return " ".join((*said, self._line.heard(), self._line.unheard()))

    def _write(
        self, text: str, started_ms: int, ended_ms: int, *, is_final: bool, confidence: float | None = None
    ) -> None:
        self._transcript.write(
            "user", text, is_final=is_final, started_ms=started_ms, ended_ms=ended_ms, confidence=confidence
        )
