from __future__ import annotations

import stat
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

from app.api.access import Access, ApiError
from app.errors import SettingError
from app.operator_token import operator_token, token_file
from app.settings import Settings, load_settings
from app.user_tokens import UserTokens


def test_a_token_is_made_once_and_kept(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path / "state")
    token = operator_token(settings)
    assert len(token) > 30
    assert operator_token(settings) == token


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    operator_token(settings)
    assert stat.S_IMODE(token_file(settings).stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["operator_token"]


def test_a_configured_token_is_used_and_not_written_down(tmp_path: Path) -> None:
    settings = load_settings(state_dir=tmp_path, operator_token="configured")
    assert operator_token(settings) == "configured"
    assert not token_file(settings).exists()


def test_a_state_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="STATE_DIR"):
        operator_token(Settings(state_dir=tmp_path / "file" / "state"))


def test_an_emptied_file_gets_a_new_token(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    operator_token(settings)
    token_file(settings).write_text("")
    token = operator_token(settings)
    assert len(token) > 30
    assert operator_token(settings) == token
    assert [file.name for file in tmp_path.iterdir()] == ["operator_token"]


def test_an_empty_token_is_nobodys() -> None:
    request = HTTPConnection({"type": "http", "headers": []})
    with pytest.raises(ApiError):
        Access("", UserTokens(Settings())).require_operator(request)
