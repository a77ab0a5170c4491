"""How many calls one user may have open at once, in all processes."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import func, select

from app.media_stream.manager import MediaStreamManager
from app.store.database import Database, Lost, why
from app.store.tables import calls

log = logging.getLogger(__name__)

ASK_SECONDS = 1.0
"""How long the database may take, while a caller waits for the answer."""


class UserLimit:
    """Asked by the webhook, before there is a stream. Callers whose number is nobody's have no such limit."""

    def __init__(self, database: Database, manager: MediaStreamManager, most: int) -> None:
        self._database = database
        self._manager = manager
        self._most = most

    async def reached(self, user_id: str | None) -> bool:
        """Whether this user has as many calls as may be. Without a database, those of this process count."""
        if user_id is None:
            return False
        here = len(self._manager.get_user_connections(user_id))
        return here >= self._most or await self._stored(user_id) >= self._most

    async def _stored(self, user_id: str) -> int:
        # A call without an owner has no stream yet, and may never have one.
        query = select(func.count()).where(
            calls.c.user_id == user_id, calls.c.ended_at.is_(None), calls.c.owner.is_not(None)
        )
        try:
            async with asyncio.timeout(ASK_SECONDS), self._database.engine.connect() as connection:
                return int((await connection.execute(query)).scalar_one())
        except Lost as error:
            log.warning("a user's calls could not be counted (%s)", why(error))
            return 0
