"""How a server leaves its calls: they get time to end, and what is left is handed over between two turns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

from app.calls import Calls

log = logging.getLogger(__name__)

HANDOVER_SECONDS = 15.0
"""How long a call that is to be handed over may take to come between two turns: a long answer's length."""

GOODBYE_SECONDS = 5.0
"""How long calls get to end, once they are told to."""


async def drain(calls: Calls, seconds: float, hurry: asyncio.Event) -> None:
    """Take no more calls, and return when none is left.

    Running calls have `seconds` to come to their own end. Those that have not are cut off from this server
    between two turns; Twilio asks `/voice/next` then, and another process goes on. Once there is `hurry`,
    all of them are cut off at once.
    """
    manager = calls.manager
    manager.draining = True
    if len(manager):
        log.warning("stopping: %d calls run, and have %.0f s to come to their end", len(manager), seconds)
        await _unless(hurry, manager.emptied(), seconds)
    if len(manager):
        log.warning("stopping: %d calls are handed over", len(manager))
        await _unless(hurry, calls.hand_over(), HANDOVER_SECONDS)
    await manager.close_all("server_stopped", within=GOODBYE_SECONDS)


async def _unless(hurry: asyncio.Event, work: Awaitable[None], seconds: float) -> None:
    """Wait for the work, for so long, and no longer than until there is hurry."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(hurry.wait())]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
