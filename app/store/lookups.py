"""What a call asks the database while somebody waits on the telephone: briefly, and it goes on without."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

log = logging.getLogger(__name__)

LOOKUP_SECONDS = 1.0
"""How long a call waits for what the database knows of it, before it goes on without."""

T = TypeVar("T")


async def look_up(query: Awaitable[T], otherwise: T) -> T:
    """What the database answers, or `otherwise` where it does not, in time."""
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            return await query
    except Exception as error:
        log.warning("the database did not answer (%s); the call goes on without", error or type(error))
        return otherwise
