"""What is kept where, and how much is allowed."""

from __future__ import annotations

import asyncio
from datetime import datetime

from app.check.finding import Finding, ok
from app.operator_token import operator_token
from app.settings import Settings


async def check_house(settings: Settings) -> list[Finding]:
    """STATE_DIR, the time zone, the jobs, the limits.

    Raises:
        SettingError: STATE_DIR cannot be written.
    """
    await asyncio.to_thread(operator_token, settings)
    inline = settings.jobs == "inline"
    jobs = "the server does them itself." if inline else "they wait for `offhook worker` (JOBS=external)."
    limits = (
        f"{settings.max_calls} calls at once, {_lasting(settings.max_call_seconds)} each, "
        f"{_lasting(settings.idle_seconds)} without a message from Twilio."
    )
    return [
        ok("STATE_DIR", f"{settings.state_dir} can be written."),
        ok("time zone", f"it is {datetime.now(settings.zone):%H:%M} where “tomorrow at three” is meant."),
        ok("jobs", jobs),
        ok("limits", limits),
    ]


def _lasting(seconds: int) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
