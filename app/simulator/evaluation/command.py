"""`offhook eval`: scenarios against a running server, or one of its own."""

from __future__ import annotations

import logging
import secrets
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import click
import httpx2
import msgspec
from rich.console import Console

from app.errors import OffhookError
from app.server import run
from app.services.text_to_speech import TextToSpeech
from app.services.text_to_speech.local import LocalTextToSpeech
from app.settings import Settings, load_settings
from app.simulator.command import known_operator_token
from app.simulator.evaluation.judge import Verdict
from app.simulator.evaluation.phones import phones
from app.simulator.evaluation.runner import ANY_NUMBER, Target, play_all
from app.simulator.evaluation.scenario import Scenario, find
from app.simulator.evaluation.staging import Stage
from app.simulator.evaluation.table import print_heading, print_totals, print_verdict, totals
from app.simulator.own_server import own_server

TRANSFER_NUMBER = "+15005550009"
"""Where a server of our own connects callers who ask for a person: nobody's number."""
OWN_ACCOUNT = f"AC{'0' * 32}"
"""The Twilio account of such a server, whose calls out reach our phones."""


@click.command("eval")
@click.argument("scenarios", metavar="[FILE|NAME]...", nargs=-1)
@click.option(
    "--url", metavar="BASE", help="Base URL of a running server.  [default: WEBHOOK_URL, or its own]"
)
@click.option(
    "-n", "at_once", type=click.IntRange(1, 200), default=1, show_default=True, help="Calls at once."
)
@click.option(
    "--repeat", type=click.IntRange(1, 1000), default=1, show_default=True, help="Play each so often."
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write the results."
)
@click.option("--list", "list_only", is_flag=True, help="Name the scenarios, play none.")
@click.option("--auth-token", envvar="TWILIO_AUTH_TOKEN", help="Signs the requests.")
def evaluate(
    *,
    scenarios: tuple[str, ...],
    url: str | None,
    at_once: int,
    repeat: int,
    json_file: Path | None,
    list_only: bool,
    auth_token: str | None,
) -> None:
    """Play scenarios, and judge what comes of them.

    Without any, all that come with Offhook. Exit status 1 unless every one of them passed.
    """
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    console = Console(highlight=False, soft_wrap=True)
    chosen = find(scenarios)
    if list_only:
        for scenario in chosen:
            console.print(f"[bold]{scenario.name:30}[/] {scenario.about}")
        return
    verdicts = run(_evaluate(chosen * repeat, url, at_once, auth_token, console))
    if verdicts is None:
        sys.exit(130)
    print_totals(console, verdicts)
    if json_file:
        written = {"totals": totals(verdicts), "scenarios": verdicts}
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(written)))
    sys.exit(0 if all(verdict.passed for verdict in verdicts) else 1)


async def _evaluate(
    scenarios: Sequence[Scenario], url: str | None, at_once: int, auth_token: str | None, console: Console
) -> list[Verdict]:
    settings = load_settings()
    base = (url or settings.webhook_url).rstrip("/")
    if url or await _answers(base):
        target = Target(
            base,
            known_operator_token(settings),
            (auth_token or ",".join(settings.auth_tokens)).partition(",")[0].strip(),
            settings.twilio_account_sid,
            settings.twilio_phone_number or ANY_NUMBER,
            settings.state_dir / "recordings",
        )
        async with _voice(settings, needed=any(scenario.speaks for scenario in scenarios)) as voice:
            return await _play(scenarios, target, at_once, voice, console)
    with console.status("Starting PostgreSQL and the speech engines …") as status:
        token = secrets.token_hex(16)
        async with (
            phones(OWN_ACCOUNT, token) as called,
            own_server(
                token,
                twilio_account_sid=OWN_ACCOUNT,
                twilio_phone_number=ANY_NUMBER,
                twilio_api_url=called.url,
                transfer_number=settings.transfer_number or TRANSFER_NUMBER,
            ) as own,
        ):
            status.stop()
            if own is None:
                raise OffhookError("The server was stopped before it was ready.")
            target = Target(
                own.settings.webhook_url,
                own.operator_token,
                own.auth_token,
                OWN_ACCOUNT,
                exchange=called,
                recordings=own.settings.state_dir / "recordings",
            )
            return await _play(scenarios, target, at_once, own.voice, console)


async def _play(
    scenarios: Sequence[Scenario], target: Target, at_once: int, voice: TextToSpeech, console: Console
) -> list[Verdict]:
    stage = Stage(voice)
    with console.status("The callers rehearse …"):
        staged = {scenario.name: await stage.prepare(scenario) for scenario in scenarios}
    console.print(f"Calling {target.base_url}: {len(scenarios)} calls, {at_once} at a time.")
    print_heading(console)
    with console.status("On the line …"):
        return await play_all(
            [staged[scenario.name] for scenario in scenarios],
            target,
            at_once,
            lambda verdict: print_verdict(console, verdict),
        )


@asynccontextmanager
async def _voice(settings: Settings, *, needed: bool) -> AsyncIterator[TextToSpeech]:
    voice = LocalTextToSpeech(settings)
    try:
        if needed:
            await voice.start()
        yield voice
    finally:
        await voice.aclose()


async def _answers(base: str) -> bool:
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as client:
            await client.get(base)
    except httpx2.TransportError:
        return False
    return True
