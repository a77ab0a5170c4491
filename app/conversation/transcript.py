"""What was said on a call, by whom and when. Memory only; whoever stores or shows it listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from app.services.language_model import Message

Speaker = Literal["user", "assistant"]


class TranscriptLine(msgspec.Struct, frozen=True):
    """One line. While `is_final` is false it still changes; the next version has the same `seq`. One that
    becomes empty is gone.

    Times are milliseconds since the stream's start. `revision` counts final lines in the order in which
    they became final, which is not always the order of `seq`; it is 0 before.
    """

    seq: int
    speaker: Speaker
    text: str
    is_final: bool
    confidence: float | None = None
    started_ms: int = 0
    ended_ms: int = 0
    interrupted: bool = False
    revision: int = 0


class Transcript:
    """Lines open with their first words and close when they are final; one open line a speaker."""

    def __init__(
        self,
        listener: Callable[[TranscriptLine], None],
        history: tuple[TranscriptLine, ...] = (),
        first_seq: int = 0,
    ) -> None:
        """`listener` gets every version of every line. `history` is what an earlier stream left; numbers go
        on after it, and after `first_seq`.
        """
        self._listener = listener
        self.lines: list[TranscriptLine] = [line for line in history if line.is_final]
        self._open: dict[Speaker, TranscriptLine] = {}
        self._seq = max(first_seq, *(line.seq for line in history), 0)
        self._revision = max(first_seq, *(line.revision for line in history), 0)

    def write(
        self,
        speaker: Speaker,
        text: str,
        *,
        is_final: bool,
        started_ms: int,
        ended_ms: int,
        confidence: float | None = None,
        interrupted: bool = False,
    ) -> TranscriptLine:
        """The newest version of the speaker's open line; there is one from now on until it is final."""
        line = self._open.pop(speaker, None)
        if line is None:
            self._seq += 1
            seq = self._seq
        else:
            seq, started_ms = line.seq, line.started_ms
        if is_final:
            self._revision += 1
        line = TranscriptLine(
            seq=seq,
            speaker=speaker,
            text=text,
            is_final=is_final,
            confidence=confidence,
            started_ms=started_ms,
            ended_ms=ended_ms,
            interrupted=interrupted,
            revision=self._revision if is_final else 0,
        )
        if is_final:
            self.lines.append(line)
        else:
            self._open[speaker] = line
        self._listener(line)
        return line

    def drop(self, speaker: Speaker) -> None:
        """The speaker's open line was no words after all: its last version is an empty one."""
        if line := self._open.pop(speaker, None):
            self._listener(msgspec.structs.replace(line, text=""))

    def open_line(self, speaker: Speaker) -> TranscriptLine | None:
        """The speaker's line that is not final yet."""
        return self._open.get(speaker)

    def messages(self) -> tuple[Message, ...]:
        """The talk as a language model reads it, one message a turn: what is final, in order, what the caller
        is saying, and what was heard of an answer that was cut."""
        messages: list[Message] = []
        heard = [line for line in (*self.lines, *self._open.values()) if line.text]
        for line in sorted(heard, key=lambda line: line.seq):
            if messages and messages[-1].speaker == line.speaker:
                text = f"{messages.pop().text} {line.text}"
            else:
                text = line.text
            messages.append(Message(line.speaker, text, line.interrupted))
        return tuple(messages)
