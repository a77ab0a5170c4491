"""What came of a simulated call: measurements from the tracks and the events. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from app.simulator.listening import Span, voiced_spans
from app.simulator.script import Utterance
from app.simulator.violations import Violation

EndedBy = Literal["caller", "agent", "error"]


class Turn(msgspec.Struct, frozen=True):
    """One utterance of the caller and what followed. Milliseconds on the recording's time line."""

    text: str
    started_ms: int
    ended_ms: int
    """First and last of the caller's voice."""
    answer_ms: int | None
    """From the end of the caller's voice to the agent's; None if the caller went on first."""
    interrupting: bool
    """Whether the agent was audible when the caller began."""
    clear_ms: int | None
    """From the beginning of an interrupting voice to the server's `clear`; None if none came."""
    speech: bool = True
    """False for sounds that are no words."""
    interrupts: bool | None = None
    """Whether it was meant to stop the agent. None: that did not matter."""
    cut_off: bool = False
    """Whether the agent began to speak before the caller had finished."""
    owed_ms: int = 0
    """How long the line was silent after the caller's voice: until the agent's, the caller's next, or the
    end of the call."""


class Cut(msgspec.Struct, frozen=True):
    """A `clear`. Milliseconds on the recording's time line."""

    at_ms: int
    voiced_ms: int
    """How much speech it took away: none if the agent had nothing more to say yet."""


class StreamTimes(msgspec.Struct, frozen=True):
    """One media stream of a call. Milliseconds on the recording's time line."""

    opened_ms: int
    """When `start` was sent."""
    closed_ms: int
    """When it was over, whoever ended it."""
    audible_ms: int | None
    """When the agent was first heard on it; None if it was not."""


class CallReport(msgspec.Struct, frozen=True):
    """One simulated call. `ok`: nothing Twilio would warn about, and the agent did what was waited for."""

    call_sid: str
    ok: bool
    ended_by: EndedBy
    duration_ms: int
    greeting_ms: int | None
    """From `start` of the first stream to the agent's voice; None if it was never heard."""
    turns: tuple[Turn, ...]
    trail: tuple[str, ...]
    """The TwiML that was followed: `("Connect", "Dial +15550100", "Hangup")`."""
    marks_received: int
    marks_returned: int
    cuts: tuple[Cut, ...]
    stream_ms: int
    """When the first stream began: the zero of the transcript's times."""
    violations: tuple[Violation, ...]
    problems: tuple[str, ...]
    recording: str
    """Path; empty if nothing was recorded."""
    worst_lateness_ms: float
    """How late this caller's own worst frame was. Beyond 50 ms the measurements say more about the machine
    than about the server."""
    streams: tuple[StreamTimes, ...] = ()
    """Those that were opened, in their order."""


def measure_streams(
    heard: bytes, opened_ms: Sequence[int], closed_ms: Sequence[int]
) -> tuple[StreamTimes, ...]:
    """`heard` is what the caller heard, 8 bytes a millisecond."""
    streams = []
    for opened, closed in zip(opened_ms, closed_ms, strict=True):
        voices = voiced_spans(heard[opened * 8 : closed * 8])
        streams.append(StreamTimes(opened, closed, opened + voices[0].start_ms if voices else None))
    return tuple(streams)


def unanswered(call_sid: str) -> CallReport:
    """A call that nobody took."""
    return CallReport(
        call_sid=call_sid,
        ok=True,
        ended_by="agent",
        duration_ms=0,
        greeting_ms=None,
        turns=(),
        trail=(),
        marks_received=0,
        marks_returned=0,
        cuts=(),
        stream_ms=0,
        violations=(),
        problems=(),
        recording="",
        worst_lateness_ms=0.0,
    )


def measure_turns(
    utterances: Sequence[Utterance],
    agent: Sequence[Span],
    clears_ms: Sequence[float],
    call_ends_ms: int | None = None,
) -> tuple[Turn, ...]:
    """Voice-to-voice latencies. `agent`: the stretches in which the agent was audible."""
    ends = float("inf") if call_ends_ms is None else call_ends_ms
    turns = []
    for index, utterance in enumerate(utterances):
        voice = utterance.voice
        until = utterances[index + 1].voice.start_ms if index + 1 < len(utterances) else ends
        answer = next((span.start_ms for span in agent if voice.end_ms <= span.start_ms < until), None)
        interrupting = any(span.start_ms < voice.start_ms < span.end_ms for span in agent)
        silent_from = max(
            [voice.end_ms, *(span.end_ms for span in agent if span.start_ms < voice.end_ms < span.end_ms)]
        )
        silent_to = min([until, *(span.start_ms for span in agent if span.start_ms >= silent_from)])
        clear = next((at for at in clears_ms if voice.start_ms <= at < until), None) if interrupting else None
        turns.append(
            Turn(
                text=utterance.text,
                started_ms=voice.start_ms,
                ended_ms=voice.end_ms,
                answer_ms=None if answer is None else answer - voice.end_ms,
                interrupting=interrupting,
                clear_ms=None if clear is None else round(clear - voice.start_ms),
                speech=utterance.speech,
                interrupts=utterance.interrupts,
                cut_off=any(voice.start_ms < span.start_ms < voice.end_ms for span in agent),
                owed_ms=0 if silent_to == float("inf") else max(0, round(silent_to - silent_from)),
            )
        )
    return tuple(turns)
