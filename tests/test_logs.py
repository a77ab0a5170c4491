"""app.logs: what an operator reads has nobody's numbers and secrets in it."""

from __future__ import annotations

import logging
import sys

from app.logs import Discreet
from app.settings import load_settings


def written(message: str, *arguments: object, error: bool = False) -> str:
    formatter = Discreet(load_settings(operator_token="hush-hush", twilio_auth_token="first-one, second-one"))
    info = sys.exc_info() if error else None
    return formatter.format(
        logging.LogRecord("app.x", logging.WARNING, __file__, 1, message, arguments, info)
    )


def test_arguments_are_masked_and_the_line_keeps_its_time() -> None:
    line = written("call %s from %s", "CA0123456789abcdef0123456789012345", "+15550001111")
    assert line.endswith("WARNING app.x: call CA0123456789abcdef0123456789012345 from [phone number]")
    assert line[:2] == "20"


def test_exceptions_and_their_causes_are_masked() -> None:
    try:
        try:
            raise ValueError("4111 1111 1111 1111")
        except ValueError as error:
            raise RuntimeError("anna@example.org") from error
    except RuntimeError:
        line = written("it failed", error=True)
    assert "Traceback" in line
    # The source lines of the traceback repeat them: those are masked as well.
    assert "4111" not in line
    assert "anna@" not in line


def test_every_secret_of_the_settings_is_struck_out() -> None:
    line = written("bearer %s, signed with %s or %s", "hush-hush", "first-one", "second-one")
    assert line.endswith("bearer [secret], signed with [secret] or [secret]")
