"""A PostgreSQL of a test's own, that can be torn down as a power cut would."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from app.store.embedded import EmbeddedPostgres


class Server:
    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._postgres = EmbeddedPostgres(state_dir)

    async def start(self) -> str:
        return await self._postgres.start()

    async def crash(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: immediate shutdown, with recovery at the next start (PostgreSQL 18, section 18.5)."""
        pid_file = self._state_dir / "postgres" / "data" / "postmaster.pid"
        pid = int(pid_file.read_text().splitlines()[0])
        os.kill(pid, how)
        while how == signal.SIGQUIT and pid_file.exists():
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        await self._postgres.stop()


@asynccontextmanager
async def own_server() -> AsyncIterator[Server]:
    # Not pytest's own directory, which another run by the same user closes to the server's user.
    state_dir = Path(tempfile.mkdtemp(prefix="offhook-test-"))
    server = Server(state_dir)
    try:
        yield server
    finally:
        await server.stop()
        shutil.rmtree(state_dir)


@asynccontextmanager
async def locked(url: str, table: str) -> AsyncIterator[asyncpg.Connection]:
    """Whoever touches the table waits."""
    connection = await asyncpg.connect(url)
    await connection.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    try:
        yield connection
    finally:
        await connection.close()
