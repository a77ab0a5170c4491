"""Models that are gone, or soon will be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from app.errors import OffhookError
from app.services.openai_models import RETIRED, ServedModel, model_warnings, served_models, wanted_models
from app.settings import load_settings
from tests.providers.openai_server import openai_server

TODAY = date(2026, 11, 21)


def warned(
    *wanted: str, served: Sequence[ServedModel] = (), today: date = TODAY, own_server: bool = False
) -> list[str]:
    return model_warnings({"OPENAI_MODEL": wanted}, served, today, own_server=own_server)


def test_a_model_that_is_listed_and_stays_needs_no_word() -> None:
    assert warned("gpt-6-luna", served=[ServedModel("gpt-6-luna", None)]) == []


def test_a_model_past_its_shutdown_date_is_told_with_what_to_take_instead() -> None:
    assert warned("gpt-4o", served=[ServedModel("gpt-4o", date(2026, 11, 20))]) == [
        "OPENAI_MODEL: gpt-4o was shut down on 20 November 2026. Set OPENAI_MODEL to gpt-6-luna."
    ]


@pytest.mark.parametrize(("day", "warnings"), [(date(2027, 2, 19), 1), (date(2027, 2, 20), 0)])
def test_a_shutdown_is_told_90_days_ahead(day: date, warnings: int) -> None:
    assert len(warned("gpt-x", served=[ServedModel("gpt-x", day)])) == warnings


def test_openais_own_announcements_count_where_the_list_has_no_date() -> None:
    (warning,) = warned("gpt-4o", served=[ServedModel("gpt-4o", None)])
    assert "will be shut down on 14 January 2027" in warning


def test_on_a_server_of_ones_own_they_do_not() -> None:
    assert warned("gpt-4o", served=[ServedModel("gpt-4o", None)], own_server=True) == []


def test_a_model_that_is_not_listed_is_told() -> None:
    assert warned("gpt-7") == ["OPENAI_MODEL: there is no gpt-7. Set OPENAI_MODEL to a model that stays."]
    assert warned("gpt-4") == ["OPENAI_MODEL: gpt-4 was shut down. Set OPENAI_MODEL to gpt-6-luna."]


def test_the_defaults_are_alive_on_1_march_2027() -> None:
    defaults = [model for models in wanted_models(load_settings()).values() for model in models]
    assert defaults
    assert not set(defaults) & RETIRED.keys()


def test_the_realtime_model_matters_only_where_its_voice_is_used() -> None:
    assert wanted_models(load_settings())["OPENAI_REALTIME_MODEL"] == ("gpt-realtime-2.1-mini",)
    wanted = wanted_models(load_settings(openai_speech_model="kokoro"))
    assert (wanted["OPENAI_SPEECH_MODEL"], wanted["OPENAI_REALTIME_MODEL"]) == (("kokoro",), ())


async def test_the_server_is_asked_for_its_models_and_their_dates() -> None:
    def model(name: str, **more: object) -> dict[str, object]:
        return {"id": name, "object": "model", "created": 1, "owned_by": "x"} | more

    async with openai_server() as server:
        server.models = [
            model("gpt-4o", shutdown_date="2027-01-14"),
            model("gpt-6-luna", shutdown_date=None),
            model("llama"),
            model("odd", shutdown_date="soon"),
        ]
        served = await served_models(load_settings(openai_api_key="sk-test", openai_base_url=server.url))
    assert served == [
        ServedModel("gpt-4o", date(2027, 1, 14)),
        ServedModel("gpt-6-luna", None),
        ServedModel("llama", None),
        ServedModel("odd", None),
    ]
    assert server.keys == ["Bearer sk-test"]


async def test_a_server_that_does_not_tell_is_an_error_to_act_on() -> None:
    async with openai_server() as server:
        url = server.url
    with pytest.raises(OffhookError, match="Check OPENAI_BASE_URL"):
        await served_models(load_settings(openai_base_url=url))
