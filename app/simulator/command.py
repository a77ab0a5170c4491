"""`offhook call`: a simulated caller against any running server."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import httpx2
from rich.console import Console

from app.errors import OffhookError
from app.operator_token import token_file
from app.services.text_to_speech.local import LocalTextToSpeech
from app.settings import Settings, load_settings
from app.simulator import audio
from app.simulator.caller import SimulatedCall
from app.simulator.follow import finished_call, follow
from app.simulator.report import CallReport
from app.simulator.screen import TranscriptScreen, print_latencies, print_report, print_summary, print_totals
from app.simulator.script import Play, Press, Step, WaitForSpeech, WaitForTurn
from app.simulator.voice import spoken

DIALOGUE = (
    "Remind me to call Anna tomorrow at three o'clock.",
    "No, make it five o'clock.",
    "That's all, goodbye.",
)
"""What the caller says where nothing else is asked for."""
SUMMARY_SECONDS = 30.0
"""How long the summary is waited for after the call."""
STORED_SECONDS = 5.0
"""How long the server may take to write down what it has measured."""
_SPOKEN = "\0"
"""Marks a text among the files: click keeps the order of arguments, but not between arguments and options."""


class _InOrder(click.Command):
    """Takes `--say TEXT` and files in the order in which they are given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        turns: list[str] = []
        words = iter(args)
        for word in words:
            if word == "--say":
                turns.append(_SPOKEN + next(words, ""))
            elif word.startswith("--say="):
                turns.append(_SPOKEN + word.removeprefix("--say="))
            else:
                turns.append(word)
        return super().parse_args(ctx, turns)


@click.command(cls=_InOrder)
@click.argument("turns", metavar="[AUDIO]...", nargs=-1)
# For the help only: _InOrder takes it out of the command line.
@click.option(
    "--say",
    metavar="TEXT",
    expose_value=False,
    help='Say this with the local voice, with pauses ("Call [0.6] Anna") if you like; as often as wanted.',
)
@click.option("--url", metavar="BASE", help="Base URL of the server.  [default: WEBHOOK_URL]")
@click.option("--calls", type=click.IntRange(1, 1000), default=1, show_default=True, help="Calls at once.")
@click.option(
    "--interrupt",
    type=click.FloatRange(0.1, 60),
    metavar="SECONDS",
    help="Cut in after so much of the agent's speech instead of waiting for the turn.",
)
@click.option("--from", "from_number", default="+15005550006", show_default=True, help="The caller's number.")
@click.option("--to", "to_number", help="The number called.  [default: TWILIO_PHONE_NUMBER]")
@click.option("--digits", default="", help="Keys to press after the last turn: 0-9, *, #.")
@click.option("--record", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the recording.")
@click.option("--auth-token", envvar="TWILIO_AUTH_TOKEN", help="Signs the requests.")
@click.option("--no-transcript", is_flag=True, help="Do not read the transcript from the server.")
def call(
    *,
    turns: tuple[str, ...],
    url: str | None,
    calls: int,
    interrupt: float | None,
    from_number: str,
    to_number: str | None,
    digits: str,
    record: Path | None,
    auth_token: str | None,
    no_transcript: bool,
) -> None:
    """Call a running server, as Twilio would.

    The caller plays each AUDIO file (or --say text) in its turn, then hangs up. Without any, a short
    conversation by the local voice. Exit status 1 if the call failed or Twilio would have warned.
    """
    settings = load_settings()
    if set(digits) - set("0123456789*#"):
        raise click.BadParameter("keys are 0-9, * and #", param_hint="--digits")
    console = Console(highlight=False)
    token = auth_token.partition(",")[0].strip() if auth_token else next(iter(settings.auth_tokens), "")
    watch = "" if no_transcript or calls > 1 else known_operator_token(settings)

    async def run() -> bool:
        base = (url or settings.webhook_url).rstrip("/")
        await _reach(base)
        plays = await _turns(settings, console, turns or tuple(_SPOKEN + text for text in DIALOGUE))
        steps = script(plays, interrupt, digits)

        def dial() -> SimulatedCall:
            return SimulatedCall(
                base,
                steps,
                auth_token=token,
                account_sid=settings.twilio_account_sid,
                from_number=from_number,
                to_number=to_number or settings.twilio_phone_number or "+15005550001",
                record_to=record or settings.state_dir / "recordings",
            )

        if calls == 1:
            return await _one(dial(), base, watch, console)
        return await _many([dial() for _ in range(calls)], console)

    sys.exit(0 if asyncio.run(run()) else 1)


def script(plays: Sequence[Play], interrupt: float | None, digits: str) -> list[Step]:
    """The caller's turns, each in its time, and the answer to the last one."""
    steps: list[Step] = []
    for play in plays:
        steps += [WaitForSpeech(interrupt) if interrupt else WaitForTurn(), play]
    if digits:
        steps += [WaitForTurn(), Press(digits)]
    return [*steps, WaitForTurn()]


async def _reach(base: str) -> None:
    try:
        async with httpx2.AsyncClient(trust_env=False) as client:
            await client.get(base)
    except httpx2.TransportError as error:
        raise OffhookError(
            f"Nothing answers at {base} ({error}). Start the server with `offhook serve`, or name another "
            f"with --url."
        ) from None


async def _turns(settings: Settings, console: Console, turns: Sequence[str]) -> list[Play]:
    """Read the files, and have the local voice speak the texts before the call begins."""
    voice = LocalTextToSpeech(settings)
    needed = any(turn.startswith(_SPOKEN) for turn in turns)
    plays = []
    with console.status("The caller clears its throat …"):
        try:
            if needed:
                await voice.start()
            for turn in turns:
                if turn.startswith(_SPOKEN):
                    plays.append(await spoken(voice, turn.removeprefix(_SPOKEN)))
                else:
                    plays.append(Play(audio.load(Path(turn)), Path(turn).name))
        finally:
            if needed:
                await voice.aclose()
    return plays


async def follow_call(call: SimulatedCall, base: str, token: str, screen: TranscriptScreen) -> CallReport:
    """Run a call and show what the server tells of it, up to its summary."""

    async def watch() -> None:
        try:
            await follow(base, token, call.call_sid, screen.show)
        except OffhookError as error:
            screen.note(str(error))

    with screen:
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(watch())
            report = await call.run()
            await asyncio.wait([watcher], timeout=SUMMARY_SECONDS)
            watcher.cancel()
    return report


async def _one(call: SimulatedCall, base: str, token: str, console: Console) -> bool:
    console.print(f"Calling {base} as {call.call_sid}")
    if not token:
        with console.status("On the line …"):
            report = await call.run()
    else:
        screen = TranscriptScreen(console)
        report = await follow_call(call, base, token, screen)
        if screen.summary:
            print_summary(console, screen.summary)
    print_report(console, report)
    if token:
        await _print_stored_latencies(console, base, token, call.call_sid)
    return report.ok


async def _print_stored_latencies(console: Console, base: str, token: str, call_sid: str) -> None:
    """A server of another kind may keep none, and a wrong token was complained of already."""
    try:
        stored = await finished_call(base, token, call_sid, seconds=STORED_SECONDS)
    except OffhookError:
        return
    print_latencies(console, stored.stats.latencies)


async def _many(calls: Sequence[SimulatedCall], console: Console) -> bool:
    reports: list[CallReport] = []
    with console.status("") as status:

        async def run(call: SimulatedCall) -> None:
            status.update(f"{len(reports)} of {len(calls)} calls are over")
            reports.append(await call.run())
            status.update(f"{len(reports)} of {len(calls)} calls are over")

        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(run(call))
    print_totals(console, reports)
    return all(report.ok for report in reports)


def known_operator_token(settings: Settings) -> str:
    """The token that shows transcripts; empty if this machine knows none."""
    if configured := settings.operator_token.get_secret_value():
        return configured
    file = token_file(settings)
    return file.read_text().strip() if file.is_file() else ""
