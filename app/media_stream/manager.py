"""MediaStreamManager: the open calls of this process, by call and by user, and their limits."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from app import metrics
from app.conversation.transcript import TranscriptLine
from app.media_stream.connection import EndReason, MediaStreamConnection, Stats

SWEEP_SECONDS = 1.0
"""How late an idle or overlong call may be noticed."""


class CallTakenError(Exception):
    """The call has an open stream already."""


class MediaStreamManager:
    """Creates, finds and closes connections. A closed connection is forgotten at once."""

    def __init__(self, *, idle_seconds: float, max_call_seconds: float) -> None:
        self.idle_seconds = idle_seconds
        self.max_call_seconds = max_call_seconds
        self.draining = False
        """The server is about to stop: no new calls."""
        self._connections: dict[str, MediaStreamConnection] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def create_connection(
        self,
        call_sid: str,
        user_id: str | None = None,
        history: tuple[TranscriptLine, ...] = (),
        first_seq: int = 0,
    ) -> MediaStreamConnection:
        """Open a call. Its transcript goes on after `history`, and after line number `first_seq`.

        Raises:
            CallTakenError: a stream of this call is open.
        """
        if call_sid in self._connections:
            raise CallTakenError(call_sid)
        connection = MediaStreamConnection(call_sid, user_id, history, first_seq)
        self._connections[call_sid] = connection
        self._empty.clear()
        metrics.ACTIVE_CALLS.inc()
        return connection

    def get_connection(self, call_sid: str) -> MediaStreamConnection | None:
        """The open connection of a call."""
        return self._connections.get(call_sid)

    def get_user_connections(self, user_id: str) -> list[MediaStreamConnection]:
        """The open connections of a user."""
        return [connection for connection in self._connections.values() if connection.user_id == user_id]

    def get_connection_stats(self, call_sid: str) -> Stats | None:
        """An open call's statistics up to now."""
        connection = self._connections.get(call_sid)
        return connection.stats if connection else None

    def close_connection(self, call_sid: str, reason: EndReason = "caller_hung_up") -> bool:
        """End a call and forget it. False if it is not open here."""
        connection = self._connections.get(call_sid)
        if connection is None:
            return False
        connection.close(reason)
        self.forget(connection)
        return True

    def forget(self, connection: MediaStreamConnection) -> None:
        """A connection that has ended. Its call may have a new one by now, which stays."""
        if self._connections.get(connection.call_sid) is not connection:
            return
        del self._connections[connection.call_sid]
        connection.count_frames()
        if not self._connections:
            self._empty.set()
        metrics.ACTIVE_CALLS.dec()
        metrics.CALLS_ENDED.labels(reason=connection.ended.result()).inc()

    def __len__(self) -> int:
        return len(self._connections)

    async def close_all(self, reason: EndReason, within: float) -> None:
        """Take no more calls and end those that are open; returns when all that they held is gone, after
        `within` seconds at the latest.
        """
        self.draining = True
        for connection in self._connections.values():
            connection.close(reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._empty.wait()

    async def emptied(self) -> None:
        """Wait until no call is open."""
        await self._empty.wait()

    def sweep(self) -> None:
        """End the calls that have been idle, or have lasted, too long; count what has come."""
        for call_sid, connection in tuple(self._connections.items()):
            connection.count_frames()
            if connection.idle_seconds() > self.idle_seconds:
                self.close_connection(call_sid, "idle")
            elif connection.now_ms() > self.max_call_seconds * 1000:
                self.close_connection(call_sid, "max_duration")

    async def run(self) -> None:
        """Sweep for as long as the server runs."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep()
