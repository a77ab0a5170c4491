"""The commands, as a person runs them: in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from app.cli import Commands
from app.errors import OffhookError, SettingError
from app.server import bind
from app.settings import load_settings


def offhook(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parent.parent), **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


UNREACHABLE = "postgresql://offhook:hunter2@127.0.0.1:1/offhook"


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("PORT", "eighty", "integer"),
        ("HOST", "203.0.113.7", "no address of this machine"),
        ("WEBHOOK_URL", "example.com", "https://"),
        ("TIMEZONE", "Mars", "Europe/Berlin"),
        ("TEXT_TO_SPEECH", "parrot", "choose from"),
        ("SPEECH_LANGUAGE", "de-DE", "English"),
        ("DATABASE_URL", UNREACHABLE, "cannot be reached"),
        ("DATABASE_URL", "mysql://x/y", "postgres"),
        ("STATE_DIR", "/dev/null/state", ""),
    ],
)
def test_a_wrong_setting_is_named_without_a_traceback(
    tmp_path: Path, setting: str, value: str, says: str
) -> None:
    result = offhook("serve", cwd=tmp_path, **({"PORT": "0"} | {setting: value}))
    assert result.returncode == 2
    assert setting in result.stderr
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert "hunter2" not in result.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with bind(load_settings(port=0)) as listener:
        port = listener.getsockname()[1]
        result = offhook("serve", cwd=tmp_path, PORT=str(port))
    assert result.returncode == 2
    assert f"PORT: {port} is in use" in result.stderr


def test_a_database_without_tables_is_said_to_need_migrating(postgres_server: str, tmp_path: Path) -> None:
    result = offhook("serve", cwd=tmp_path, PORT="0", DATABASE_URL=postgres_server)
    assert result.returncode == 2
    assert "offhook migrate" in result.stderr


def test_help_names_the_commands(tmp_path: Path) -> None:
    result = offhook("--help", cwd=tmp_path)
    assert all(name in result.stdout for name in ("serve", "call", "check", "sign", "worker", "migrate"))


def test_a_call_to_no_server_says_what_to_do(tmp_path: Path) -> None:
    result = offhook("call", "--url", "http://127.0.0.1:1", cwd=tmp_path)
    assert result.returncode == 1
    assert "offhook serve" in result.stderr


@pytest.mark.parametrize(
    ("error", "status"),
    [(SettingError("PORT", "it is odd.", "Choose an even one."), 2), (OffhookError("A part is lost."), 1)],
)
def test_the_exit_status_tells_whether_another_start_is_of_use(
    error: OffhookError, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command
    def failing() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        Commands(commands={"failing": failing}).main(["failing"])
    assert ended.value.code == status
    assert capsys.readouterr().err == f"offhook: {error}\n"
