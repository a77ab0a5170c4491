from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import SettingError
from app.settings import Settings, load_settings


def test_urls_follow_from_host_and_port() -> None:
    settings = load_settings(port=4000)
    assert settings.webhook_url == "http://127.0.0.1:4000"
    assert settings.websocket_url == "ws://127.0.0.1:4000/ws/media-stream"


def test_the_websocket_url_follows_the_public_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_URL", "https://calls.example.com/")
    settings = load_settings()
    assert settings.webhook_url == "https://calls.example.com"
    assert settings.websocket_url == "wss://calls.example.com/ws/media-stream"


def test_settings_are_read_from_dot_env(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=3210\nSPEECH_CONTEXTS=reminder, follow up\n")
    settings = load_settings(_env_file=tmp_path / ".env")
    assert settings.port == 3210
    assert settings.speech_contexts == ("reminder", "follow up")


def test_two_auth_tokens_are_good_during_a_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "new, old")
    assert load_settings().auth_tokens == ("new", "old")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "eighty", "integer"),
        ("PORT", "70000", "65535"),
        ("WEBHOOK_URL", "calls.example.com", "https://"),
        ("WEBSOCKET_URL", "wss://x/ws?token=1", "query string"),
        ("SPEECH_TO_TEXT", "gogle", "choose from"),
        ("TIMEZONE", "Mars/Olympus", "Europe/Berlin"),
        ("JOBS", "sometimes", "inline"),
        ("WEBHOOK_URL", "https://", "https://"),
        ("TEXT_TO_SPEECH", ",", "names nothing"),
        ("MAX_CALLS", "0", "greater than or equal to 1"),
        ("ENCRYPTION_KEYS", "hush", "make one with"),
        ("RETENTION_DAYS", "0", "greater than or equal to 1"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        load_settings()
    assert caught.value.setting == name
    assert says in str(caught.value)


def test_every_setting_is_explained_in_the_example() -> None:
    example = (Path(__file__).parent.parent / ".env.example").read_text()
    missing = [name.upper() for name in Settings.model_fields if f"{name.upper()}=" not in example]
    assert missing == []
