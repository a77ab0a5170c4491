"""`offhook serve` as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import httpx2
import psutil

from app.server import bind
from app.settings import load_settings
from tests.calls.servers import RunningServer

GENTLE = 10


class ServerProcess:
    """`offhook serve`, on a port and a database that outlive it."""

    def __init__(self, database_url: str, state_dir: Path, **environment: str) -> None:
        """`environment` is for settings beside the usual ones."""
        self._environment = environment
        listener = bind(load_settings(port=0))
        self.port = listener.getsockname()[1]
        listener.close()
        self.settings = load_settings(
            port=self.port, database_url=database_url, state_dir=state_dir, operator_token="operator"
        )
        self.seen = RunningServer(self.settings, app=None)  # type: ignore[arg-type]

    @asynccontextmanager
    async def running(
        self, *options: str, stderr: IO[bytes] | int = asyncio.subprocess.DEVNULL
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await self.start(*options, stderr=stderr)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            await process.wait()

    async def start(
        self, *options: str, stderr: IO[bytes] | int = asyncio.subprocess.DEVNULL, gently: bool = False
    ) -> asyncio.subprocess.Process:
        """A process that is ready for calls. Whoever starts it ends it. `gently`: until it is ready, it
        leaves the machine to those that have calls; for root only."""
        environment = {
            "PATH": os.environ["PATH"],
            "PORT": str(self.port),
            "DATABASE_URL": self.settings.database_url,
            "STATE_DIR": str(self.settings.state_dir),
            "OPERATOR_TOKEN": "operator",
            "LOCAL_SPEECH_WORKERS": "1",
            **self._environment,
        }
        process = await asyncio.create_subprocess_exec(
            *(("nice", "-n", str(GENTLE)) if gently else ()),
            sys.executable,
            "-m",
            "app",
            "serve",
            *options,
            env=environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=stderr,
        )
        async with asyncio.timeout(60):
            while not await self._ready():
                assert process.returncode is None, "the server ended by itself"
                await asyncio.sleep(0.2)
        if gently:
            # Linux knows niceness by thread.
            for thread in psutil.Process(process.pid).threads():
                os.setpriority(os.PRIO_PROCESS, thread.id, 0)
        return process

    async def deaf(self) -> None:
        """Wait until nobody listens on the port."""
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                except ConnectionRefusedError:
                    return
                writer.close()
                await asyncio.sleep(0.05)

    async def _ready(self) -> bool:
        try:
            # Without the authorities for TLS, which take 40 ms to load: calls go on in this process.
            async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
                return (await client.get(f"{self.settings.webhook_url}/readyz")).status_code == 200
        except httpx2.TransportError:
            return False
