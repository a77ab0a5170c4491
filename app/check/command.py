"""`offhook check`: everything at once, then a list for a person."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable

import click
from rich.console import Console
from rich.markup import escape

from app.check.database import check_database
from app.check.finding import Finding, Level, trouble
from app.check.house import check_house
from app.check.language import check_language, check_models, check_summary
from app.check.speech import check_recognition, check_voices
from app.check.telephony import check_telephony
from app.server import run
from app.settings import Settings, load_settings

CHECKS: dict[str, Callable[[Settings], Awaitable[list[Finding]]]] = {
    "Telephony": check_telephony,
    "Speech recognition (SPEECH_TO_TEXT, in this order)": check_recognition,
    "Voice (TEXT_TO_SPEECH, in this order)": check_voices,
    "Language model (LANGUAGE_MODEL, OPENAI_MODEL, in this order)": check_language,
    "Summaries": check_summary,
    "Model names": check_models,
    "Database": check_database,
    "The rest": check_house,
}
COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "red"}

Report = dict[str, list[Finding]]


@click.command()
def check() -> None:
    """Say what is configured, try all of it, and what to mend."""
    settings = load_settings()
    # What libraries would log stands in the report, in a person's words.
    logging.disable(logging.CRITICAL)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    console = Console(highlight=False, soft_wrap=True)
    with console.status("Trying everything that is configured …"):
        report = run(examine(settings))
    sys.exit(1 if report is None or not show(report, console) else 0)


async def examine(settings: Settings) -> Report:
    """All checks at the same time; each tells of its own failure."""
    found = await asyncio.gather(*(_guarded(check, settings) for check in CHECKS.values()))
    return {name: findings for name, findings in zip(CHECKS, found, strict=True) if findings}


async def _guarded(
    check: Callable[[Settings], Awaitable[list[Finding]]], settings: Settings
) -> list[Finding]:
    try:
        return await check(settings)
    except Exception as error:
        return [trouble("settings", error)]


def show(report: Report, console: Console) -> bool:
    """Print it. Returns whether a real call would work."""
    width = max(len(finding.subject) for findings in report.values() for finding in findings)
    for name, findings in report.items():
        console.print(f"[bold]{name}[/]")
        for finding in findings:
            colour = COLOURS[finding.level]
            subject = escape(finding.subject.ljust(width))
            console.print(f"  [{colour}]{finding.level.value}[/] {subject}  {escape(finding.text)}")
            if finding.advice:
                console.print(f"    {' ' * width}  [{colour}]→[/] {escape(finding.advice)}")
    levels = [finding.level for findings in report.values() for finding in findings]
    bad, odd = levels.count(Level.FAILED), levels.count(Level.WARNING)
    if bad:
        console.print(f"[bold red]A real call would not work:[/] mend what is marked ✗ ({bad}).")
    elif odd:
        console.print(f"[bold yellow]A call would work;[/] what is marked ! ({odd}) wants a look.")
    else:
        console.print("[bold green]A call would work.[/]")
    return not bad
