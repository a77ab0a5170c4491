"""The command as a whole: what it prints, and how it ends."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from rich.console import Console

from app.check.command import examine, show
from app.check.database import check_database
from app.check.finding import Finding, Level, bounded, ok
from app.errors import OffhookError
from app.services.text_to_speech import SynthesisError
from app.settings import load_settings
from tests.check.reading import KEY, levels, said
from tests.check.test_speech import Listener
from tests.providers.google_voice_server import GoogleVoiceServer
from tests.providers.openai_server import Status, openai_server
from tests.test_cli import UNREACHABLE, offhook


def printed(*findings: Finding) -> tuple[str, bool]:
    file = io.StringIO()
    good = show({"Section": list(findings)}, Console(file=file, width=200))
    return file.getvalue(), good


@pytest.mark.parametrize(("level", "good"), [(Level.OK, True), (Level.WARNING, True), (Level.FAILED, False)])
def test_only_what_keeps_a_call_from_working_is_a_failure(level: Level, good: bool) -> None:
    text, verdict = printed(ok("one", "is well."), Finding(level, "two [x]", "is so.", "Do this."))
    assert verdict is good
    assert f"{level.value} two [x]  is so." in text
    assert "→ Do this." in text


@pytest.mark.parametrize(
    ("error", "level", "text"),
    [
        (OffhookError("A part is lost."), "✗", "A part is lost."),
        (SynthesisError("No audio."), "!", "No audio."),
        (ValueError(f"key {KEY}"), "!", "the check itself failed (ValueError)."),
    ],
)
async def test_a_check_that_breaks_reports_itself(error: Exception, level: str, text: str) -> None:
    async def check() -> Finding:
        raise error

    finding = await bounded("x", check())
    assert (finding.level.value, finding.subject, finding.text) == (level, "x", text)


async def test_a_check_without_an_end_is_ended() -> None:
    async def check() -> Finding:
        await asyncio.Event().wait()
        raise AssertionError

    finding = await bounded("x", check(), seconds=0.01)
    assert finding.text == "no answer within 0.01 s."


async def test_a_database_is_told_with_its_version(postgres_url: str) -> None:
    (finding,) = await check_database(load_settings(database_url=postgres_url))
    assert finding.level is Level.OK
    assert "PostgreSQL 1" in finding.text


@pytest.mark.parametrize("url", ["", UNREACHABLE], ids=["without tables", "unreachable"])
async def test_a_database_that_cannot_be_used_is_told_with_what_to_do(postgres_server: str, url: str) -> None:
    (finding,) = await check_database(load_settings(database_url=url or postgres_server))
    assert (finding.level, finding.subject) == (Level.FAILED, "DATABASE_URL")
    assert finding.advice
    assert "hunter2" not in said([finding])


async def test_everything_at_once_and_no_secret_in_it(postgres_url: str, tmp_path: Path) -> None:
    """A wrong key with nobody behind it: no call would work, and the rest is told all the same."""
    async with openai_server() as server:
        for _ in range(10):
            server.will(Status(401))
        settings = load_settings(
            openai_api_key=KEY,
            openai_base_url=server.url,
            language_model="openai",
            text_to_speech="local",
            speech_language="de-DE",
            database_url=postgres_url,
            state_dir=tmp_path,
            operator_token="very-secret-too",
        )
        report = await examine(settings)
    findings = [finding for section in report.values() for finding in section]
    assert "SPEECH_LANGUAGE" in {each.subject for each in findings if each.level is Level.FAILED}
    assert "✓" in levels(report["Database"])
    assert "secret" not in said(findings)
    assert not show(report, Console(file=io.StringIO()))


async def test_the_local_engines_start_while_google_is_busy(postgres_url: str, tmp_path: Path) -> None:
    """A fork beside gRPC once crashed them."""
    async with Listener([]).serving() as ears, GoogleVoiceServer() as voice:
        result = await asyncio.to_thread(
            offhook,
            "check",
            cwd=tmp_path,
            GOOGLE_PLAINTEXT="1",
            GOOGLE_CLOUD_PROJECT_ID="p",
            GOOGLE_SPEECH_ENDPOINT=ears.address,
            GOOGLE_TTS_ENDPOINT=voice.address,
            DATABASE_URL=postgres_url,
        )
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_laptop_with_nothing_configured_is_well(tmp_path: Path) -> None:
    result = offhook("check", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "A call would work." in result.stdout
    assert "!" not in result.stdout.replace("call!", "")
    assert result.stderr == ""
