"""Each stream token once, whichever process sees it: a table with a unique key knows what has been used."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from app.store.database import Database, Lost, why
from app.store.tables import spent_tokens
from app.telephony.tokens import StreamToken, StreamTokenError, StreamTokens

log = logging.getLogger(__name__)

ASK_SECONDS = 1.0
"""How long the database may take. The caller hears silence meanwhile."""

CLEAN_SECONDS = 60.0
KEEP = timedelta(minutes=10)
"""An expired token is refused for its age; its row stays a little longer, for clocks that differ."""


class OneTimeTokens:
    """Spends the tokens that `tokens` makes and reads.

    While the database is away the process that made a token takes it once, from memory; the others refuse it
    (Twilio then asks `/voice/next`, and gets a fresh one). What is spent from memory is not seen elsewhere:
    who replays it within two minutes, with a signed upgrade, to a process that has the database, gets in.
    """

    def __init__(self, tokens: StreamTokens, database: Database) -> None:
        self._tokens = tokens
        self._database = database
        self._spent_here: dict[str, float] = {}
        self._clean_at = 0.0

    async def spend(self, token: str, call_sid: str) -> str | None:
        """Use a token up. Returns the user it was made for.

        Raises:
            StreamTokenError: it is forged, expired, for another call, or spent; or nobody can say.
        """
        read = self._tokens.read(token, call_sid)
        now = time.time()
        self._spent_here = {serial: expires for serial, expires in self._spent_here.items() if expires > now}
        if read.serial in self._spent_here:
            raise StreamTokenError("the token has been used")
        # Before the question: a second stream with the same token may come while it is being answered.
        self._spent_here[read.serial] = read.expires
        if not await self._first(read):
            raise StreamTokenError("the token has been used")
        return read.user_id

    async def _first(self, token: StreamToken) -> bool:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await self._insert(token)
        except Lost as error:
            if token.made_here:
                log.warning("a stream token was taken without the database (%s)", why(error))
                return True
            raise StreamTokenError("the token cannot be checked now: the database does not answer") from None

    async def _insert(self, token: StreamToken) -> bool:
        expires = datetime.fromtimestamp(token.expires, UTC)
        async with self._database.engine.begin() as connection:
            inserted = await connection.execute(
                insert(spent_tokens)
                .values(serial=token.serial, expires_at=expires)
                .on_conflict_do_nothing()
                .returning(spent_tokens.c.serial)
            )
            first = inserted.first() is not None
            if (now := time.monotonic()) >= self._clean_at:
                self._clean_at = now + CLEAN_SECONDS
                old = datetime.now(UTC) - KEEP
                await connection.execute(delete(spent_tokens).where(spent_tokens.c.expires_at < old))
        return first
