"""What came of a scenario's call against what ought to have come. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from app.simulator.evaluation.audible import HeardLine
from app.simulator.evaluation.scenario import Scenario
from app.simulator.evaluation.words import digits, understood
from app.simulator.follow import StoredCall
from app.simulator.report import CallReport, Cut, Turn

AFTERWARDS_MS = 1500
"""A clear so soon after a voice was caused by it: words may confirm it late."""
MOST_NAMED = 5
"""Of more failures of a kind, their number tells as much."""
WORDS_APART = 1
"""A word that was cut in its middle may count as heard or not."""
LATE_MS = 50
"""A caller whose own frames are later than that measures the machine."""


class Verdict(msgspec.Struct, frozen=True):
    """How one scenario went. Milliseconds."""

    scenario: str
    about: str
    call_sid: str
    failures: tuple[str, ...]
    """What failed, in a person's words; empty if it passed."""
    voice_to_voice: tuple[int, ...] = ()
    """From the end of the caller's voice to the agent's, on the phone."""
    decision: tuple[int, ...] = ()
    """From the end of the caller's voice to the decision that the turn is over, as the server measured it."""
    clear: tuple[int, ...] = ()
    """From the beginning of an interrupting voice to the agent's silence."""
    wrong: int = 0
    """How often the agent was stopped by what ought not to: sounds, other people, echo, noise."""
    sounds: int = 0
    """Sounds and murmurs of the caller that ought not to stop the agent."""
    fooled_by: int = 0
    """How many of them did."""
    interruptions: int = 0
    missed: int = 0
    """How many interruptions did not stop the agent."""
    turns: int = 0
    cut_off: int = 0
    """How many of the caller's turns the agent talked into."""
    lines_cut: tuple[HeardLine, ...] = ()
    lateness_ms: float = 0.0
    recording: str = ""

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def measured_late(self) -> bool:
        """Whether the caller itself was too late for its times to mean much."""
        return self.lateness_ms > LATE_MS


def judge(
    scenario: Scenario, report: CallReport, call: StoredCall | None, lines_cut: Sequence[HeardLine] = ()
) -> Verdict:
    """`call` is None if the server told nothing of it: then only what could be heard is judged."""
    expect = scenario.expect
    asked = [turn for turn in report.turns if turn.speech and turn.interrupts is not False]
    meant = [turn for turn in report.turns if turn.interrupts and turn.interrupting]
    wrong = wrong_cuts(report.turns, report.cuts)
    sounds = [turn for turn in report.turns if turn.interrupts is False]
    missed = [turn for turn in meant if turn.clear_ms is None]
    clear = [turn.clear_ms for turn in meant if turn.clear_ms is not None]
    cut_off = [turn for turn in asked if not turn.interrupting and turn.cut_off]
    answers = [turn.answer_ms for turn in asked if turn.answer_ms is not None]
    decisions = (
        [stages["decision"] for stages in call.stats.latencies if "decision" in stages] if call else []
    )

    failures = [f"Twilio would warn: {violation}" for violation in report.violations]
    failures += report.problems
    failures += [f"The agent was stopped {_times(wrong)} by what ought not to stop it."] if wrong else []
    failures += [f"{_quoted(turn)} did not stop the agent." for turn in missed]
    failures += [f"The agent talked into {_quoted(turn)}." for turn in cut_off]
    failures += [
        f"The agent fell silent {took} ms after it was interrupted, not within {expect.clear}."
        for took in clear
        if took > expect.clear
    ]
    failures += [
        f"After {_quoted(turn)} the line was silent for {turn.owed_ms / 1000:.1f} s."
        for turn in asked
        if turn.owed_ms > expect.silence * 1000
    ]
    if expect.voice_to_voice is not None:
        failures += [
            f"An answer began after {took} ms, not within {expect.voice_to_voice}."
            for took in answers
            if took > expect.voice_to_voice
        ]
    failures += _of_the_end(scenario, report)
    failures += [
        f"Stored as heard: “…{_tail(line.stored)}”; audible was: “…{_tail(line.audible)}” "
        f"({abs(line.apart)} words {'more' if line.apart > 0 else 'less'})."
        for line in lines_cut
        if abs(line.apart) > WORDS_APART
    ]
    failures += (
        ["The server does not tell what it stored."]
        if call is None
        else _of_what_is_stored(scenario, report, call)
    )
    return Verdict(
        scenario=scenario.name,
        about=scenario.about,
        call_sid=report.call_sid,
        failures=tuple(failures),
        voice_to_voice=tuple(answers),
        decision=tuple(decisions),
        clear=tuple(clear),
        wrong=len(wrong),
        sounds=len(sounds),
        fooled_by=sum(any(_near(cut, turn) for cut in wrong) for turn in sounds),
        interruptions=len(meant),
        missed=len(missed),
        turns=len(asked),
        cut_off=len(cut_off),
        lines_cut=tuple(lines_cut),
        lateness_ms=report.worst_lateness_ms,
        recording=report.recording,
    )


def wrong_cuts(turns: Iterable[Turn], cuts: Iterable[Cut]) -> list[Cut]:
    """The cuts that no voice which may interrupt can have caused: echo, noise, coughs, other people."""
    voices = [turn for turn in turns if turn.interrupts is not False]
    return [cut for cut in cuts if cut.voiced_ms and not any(_near(cut, turn) for turn in voices)]


def _near(cut: Cut, turn: Turn) -> bool:
    return turn.started_ms <= cut.at_ms <= turn.ended_ms + AFTERWARDS_MS


def _of_the_end(scenario: Scenario, report: CallReport) -> list[str]:
    expect = scenario.expect
    failures = []
    if expect.ended_by is not None and report.ended_by not in (expect.ended_by, "error"):
        failures.append(f"The {report.ended_by} hung up, not the {expect.ended_by}.")
    if expect.over_by is not None and report.duration_ms > expect.over_by * 1000:
        failures.append(f"The call took {report.duration_ms / 1000:.0f} s, not {expect.over_by:g} at most.")
    dialled = any(step.startswith("Dial") for step in report.trail)
    if expect.dials is not None and dialled is not expect.dials:
        failures.append(
            "Nobody was dialled (is TRANSFER_NUMBER set on the server?)."
            if expect.dials
            else "Somebody was dialled."
        )
    return failures


def _of_what_is_stored(scenario: Scenario, report: CallReport, call: StoredCall) -> list[str]:
    expect = scenario.expect
    agent = [line.text for line in call.lines("assistant")]
    caller = [line.text for line in call.lines("user")]
    failures = _in_order("The agent never said", expect.agent_says, agent)
    failures += _never("The agent said", expect.agent_never_says, agent)
    failures += _in_order("Not stored of the caller:", expect.caller_said, caller)
    failures += _never("Stored of the caller:", expect.caller_never_said, caller)
    if expect.digits is not None and expect.digits not in digits(" ".join(caller)):
        failures.append(f"The digits {expect.digits} were stored as {digits(' '.join(caller)) or 'none'}.")
    said = " ".join(turn.text for turn in report.turns if turn.speech and turn.interrupts is not False)
    if (part := understood(said, " ".join(caller))) < expect.understood:
        failures.append(f"{part:.0%} of the caller's words are stored, not {expect.understood:.0%}.")
    items = [item.text for item in call.summary.action_items] if call.summary else []
    failures += [
        f"Nothing to do is stored that fits “{pattern}”."
        for pattern in expect.items
        if not any(re.search(pattern, item, re.I) for item in items)
    ]
    interrupted = sum(line.interrupted for line in call.lines("assistant"))
    if expect.interrupted is not None and interrupted != expect.interrupted:
        failures.append(
            f"{interrupted} of the agent's lines are stored as interrupted, not {expect.interrupted}."
        )
    if expect.end_reason is not None and call.end_reason != expect.end_reason:
        failures.append(f"The call is stored as {call.end_reason}, not {expect.end_reason}.")
    if expect.status is not None and call.status != expect.status:
        failures.append(f"The call is stored as {call.status}, not {expect.status}.")
    return failures


def _in_order(what: str, patterns: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Each pattern is looked for after the one before; one that is missing does not hide the next."""
    text = " ".join(lines)
    failures = []
    at = 0
    for pattern in patterns:
        if found := re.compile(pattern, re.I).search(text, at):
            at = found.end()
        else:
            failures.append(f"{what} “{pattern}”{' there' if at else ''}.")
    return failures


def _never(what: str, patterns: Sequence[str], lines: Sequence[str]) -> list[str]:
    text = " ".join(lines)
    return [f"{what} “{found[0]}”." for pattern in patterns if (found := re.search(pattern, text, re.I))]


def _quoted(turn: Turn) -> str:
    text = turn.text if len(turn.text) <= 40 else f"{turn.text[:39].rstrip()}…"
    return text if text.startswith("(") else f"“{text}”"


def _tail(text: str) -> str:
    return " ".join(text.split()[-5:])


def _times(cuts: Sequence[Cut]) -> str:
    """ "at 0:12.5", "12 times (0:12.5, 0:13.0, 0:14.1, …)"."""
    at = [f"{cut.at_ms // 60_000}:{cut.at_ms % 60_000 / 1000:04.1f}" for cut in cuts[:MOST_NAMED]]
    if len(cuts) == 1:
        return f"at {at[0]}"
    return f"{len(cuts)} times ({', '.join(at)}{', …' if len(cuts) > MOST_NAMED else ''})"
