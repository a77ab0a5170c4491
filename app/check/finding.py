"""What one check has found, in a person's words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum

from app.errors import OffhookError, SettingError
from app.services.language_model import ReplyError
from app.services.speech_to_text.interface import RecognitionError
from app.services.text_to_speech import SynthesisError
from app.services.worker_process import WorkerError

SECONDS = 10.0
"""For one answer over a network. A caller would have given up long before."""
LOADING_SECONDS = 60.0
"""For what is loaded on this machine: models and a database, on a cold disk."""


class Level(Enum):
    """The sign it is shown with."""

    OK = "✓"
    WARNING = "!"
    """Something is wrong, or will be, and calls are answered all the same."""
    FAILED = "✗"
    """A real call would not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject`: a setting or a provider. `advice`: what to do, where `text` does not say so itself."""

    level: Level
    subject: str
    text: str
    advice: str = ""


def ok(subject: str, text: str, advice: str = "") -> Finding:
    """As it should be."""
    return Finding(Level.OK, subject, text, advice)


def warning(subject: str, text: str, advice: str = "") -> Finding:
    """Wrong, and calls are answered all the same."""
    return Finding(Level.WARNING, subject, text, advice)


def failed(subject: str, text: str, advice: str = "") -> Finding:
    """A real call would not work."""
    return Finding(Level.FAILED, subject, text, advice)


async def bounded(subject: str, check: Awaitable[Finding], seconds: float = SECONDS) -> Finding:
    """What the check finds, or what kept it from finding anything. Never raises."""
    try:
        async with asyncio.timeout(seconds):
            return await check
    except TimeoutError:
        return warning(subject, f"no answer within {seconds:g} s.")
    except Exception as error:
        return trouble(subject, error)


def trouble(subject: str, error: Exception) -> Finding:
    """An error as a finding: one that would keep the server from starting, or that of a provider, which is
    one of several."""
    match error:
        case SettingError():
            return failed(error.setting, error.problem, error.remedy)
        case OffhookError():
            return failed(subject, str(error))
        case RecognitionError() | SynthesisError() | ReplyError() | WorkerError():
            return warning(subject, str(error))
        case _:
            # Not its message: nobody has looked at what may stand in it.
            return warning(subject, f"the check itself failed ({type(error).__name__}).")
