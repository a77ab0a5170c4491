"""A plain TCP balancer: round robin over whatever accepts. It knows nothing of HTTP, nor who is well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast


class Balancer:
    """Hands each connection on to the next of `ports` on loopback that takes it."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = list(ports)
        self.port = 0
        self.refused = 0
        """Connections that nobody took."""
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._sides: set[_Side] = set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Balancer]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Caller(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for side in tuple(self._sides):
                side.transport.abort()
            await server.wait_closed()

    def connect(self, caller: _Side) -> None:
        """Find the caller a backend."""
        task = asyncio.ensure_future(self._connect(caller))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, caller: _Side) -> None:
        loop = asyncio.get_running_loop()
        first = self._turn = (self._turn + 1) % len(self.ports)
        for port in (*self.ports[first:], *self.ports[:first]):
            try:
                _, backend = await loop.create_connection(lambda: _Side(self), "127.0.0.1", port)
            except OSError:
                continue
            caller.meet(backend)
            backend.meet(caller)
            return
        self.refused += 1
        caller.transport.abort()


class _Side(asyncio.Protocol):
    """One end of a connection that goes through: what comes here leaves at the other end."""

    def __init__(self, balancer: Balancer) -> None:
        self.balancer = balancer
        self.transport: asyncio.Transport
        self._other: asyncio.Transport | None = None
        self._early = bytearray()

    def meet(self, other: _Side) -> None:
        self._other = other.transport
        self._other.write(bytes(self._early))
        if self.transport.is_closing():
            other.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.balancer._sides.add(self)

    def data_received(self, data: bytes) -> None:
        if self._other is None:
            self._early += data
        else:
            self._other.write(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self.balancer._sides.discard(self)
        if self._other is not None:
            self._other.close()


class _Caller(_Side):
    """The end that asked."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.balancer.connect(self)
