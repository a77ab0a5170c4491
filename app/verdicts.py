"""Who has answered a call that was placed: Twilio tells one process, and another may have its stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.conversation.opening import VERDICTS, AnsweredBy
from app.live.events import LiveEvents
from app.live.messages import Changed
from app.store.lookups import look_up
from app.store.queries import Queries


class Verdicts:
    """Those that streams of this process wait for."""

    def __init__(self, queries: Queries, live: LiveEvents) -> None:
        self._queries = queries
        self._live = live
        self._awaited: dict[str, asyncio.Future[AnsweredBy]] = {}

    def known(self, call_sid: str, answered_by: AnsweredBy) -> None:
        """This process was told. The first verdict counts."""
        verdict = self._awaited.get(call_sid)
        if verdict is not None and not verdict.done():
            verdict.set_result(answered_by)

    @asynccontextmanager
    async def awaited(self, call_sid: str) -> AsyncIterator[asyncio.Future[AnsweredBy]]:
        """While the context lasts, the verdict on this call is looked out for, whichever process is told."""
        verdict = self._awaited[call_sid] = asyncio.get_running_loop().create_future()
        watch = asyncio.create_task(self._watch(call_sid))
        try:
            yield verdict
        finally:
            watch.cancel()
            await asyncio.wait([watch])
            del self._awaited[call_sid]

    async def _watch(self, call_sid: str) -> None:
        """Another process may have been told: the database knows it then, and pokes."""
        async with self._live.watch(call_sid) as events:
            call = await look_up(self._queries.get_call(call_sid), None)
            while call is None or call.answered_by is None:
                if await anext(events) == Changed(call_sid, "status"):
                    call = await look_up(self._queries.get_call(call_sid), None)
        self.known(call_sid, VERDICTS.get(call.answered_by, "unknown"))
