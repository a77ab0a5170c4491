"""The demo call: about a minute in which a person dictates, interrupts, corrects and says goodbye."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from pathlib import Path

from rich.console import Console
from rich.text import Text

from app.services.text_to_speech.interface import TextToSpeech
from app.simulator import audio
from app.simulator.caller import SimulatedCall
from app.simulator.command import follow_call
from app.simulator.follow import finished_call
from app.simulator.report import CallReport
from app.simulator.screen import TranscriptScreen, line_row, print_latencies, print_report, print_summary
from app.simulator.script import Play, Step, WaitForHangUp, WaitForSpeech, WaitForTurn
from app.simulator.voice import spoken

RECORDINGS = Path(__file__).parent / "recordings"
DICTATION = (
    "And Mr. John Dashwood had then leisure to consider how much there might be prudently in his power "
    "to do for them."
)
UNDERSTOOD = 0.8
"""The part of the caller's words that must be in the transcript, in their order."""

TURN = WaitForTurn(silence=1.0)
"""Longer than people wait: a busy machine leaves gaps between clauses."""


async def script(voice: TextToSpeech) -> list[Step]:
    """People read from recordings, what has to fit the conversation is spoken by the local voice."""
    return [
        TURN,
        await spoken(voice, "Please take a note."),
        TURN,
        Play(audio.load(RECORDINGS / "lv_0870.wav"), DICTATION),
        WaitForSpeech(1.5),
        await spoken(voice, "Remind me to call Anna tomorrow at three o'clock."),
        TURN,
        await spoken(voice, "No, make it five o'clock."),
        TURN,
        Play(audio.load(RECORDINGS / "an4_yes.wav"), "Yes."),
        TURN,
        await spoken(voice, "That's all, goodbye."),
        WaitForHangUp(),
    ]


async def run_demo(
    base_url: str,
    operator_token: str,
    recordings_dir: Path,
    console: Console,
    *,
    voice: TextToSpeech,
    auth_token: str = "",
) -> bool:
    """Place the call and show it. `voice` is the caller's, and must have been started.

    Returns whether it went well: no violation, the caller's words in the transcript, a summary, and
    something to do in it.
    """
    call = SimulatedCall(
        base_url,
        await script(voice),
        auth_token=auth_token,
        record_to=recordings_dir,
        max_seconds=180,
    )
    console.print(Text("A call comes in.", "bold"), Text("(it takes about a minute)", "dim"))
    screen = TranscriptScreen(console)
    report = await follow_call(call, base_url, operator_token, screen)

    console.print()
    console.print(Text("The transcript as it was stored", "bold"))
    stored = await finished_call(base_url, operator_token, call.call_sid)
    for line in stored.transcript:
        console.print(line_row(line))
    if screen.summary:
        print_summary(console, screen.summary)
    print_report(console, report)
    print_latencies(console, stored.stats.latencies)
    failures = shortcomings(report, screen)
    for failure in failures:
        console.print(Text(failure, "red"))
    return report.ok and not failures


def shortcomings(report: CallReport, screen: TranscriptScreen) -> list[str]:
    """What the demo call should have brought and did not, in a person's words."""
    failures = []
    said = _words(" ".join(turn.text for turn in report.turns))
    understood = _words(" ".join(line.text for line in screen.lines if line.speaker == "user"))
    matching = sum(
        block.size for block in SequenceMatcher(None, said, understood, False).get_matching_blocks()
    )
    if matching < UNDERSTOOD * len(said):
        failures.append(f"Only {matching} of the caller's {len(said)} words are in the transcript.")
    if screen.summary is None:
        failures.append("There is no summary.")
    elif not screen.summary.action_items:
        failures.append("The summary has no action item.")
    return failures


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower().replace("'", ""))
