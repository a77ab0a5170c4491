"""The PostgreSQL that comes with Offhook, shared by all processes of one STATE_DIR."""

from __future__ import annotations

import asyncio
import fcntl
import logging
from pathlib import Path
from typing import IO, Self

from app.errors import SettingError
from app.store.server import LOG, Server, ServerError

log = logging.getLogger(__name__)


WATCH_SECONDS = 2.0


class EmbeddedPostgres:
    """A server whose data lie under `state_dir`, shared by all processes that use that directory.

    Each of them holds a shared lock on a file; who can turn it into an exclusive one is the last, and stops
    the server. The kernel drops the lock of a killed process, so nothing is ever stale.
    """

    def __init__(self, state_dir: Path) -> None:
        self._root = state_dir.expanduser().resolve() / "postgres"
        self._data = self._root / "data"
        self._server = Server(self._data)
        self._users: IO[bytes] | None = None

    async def start(self) -> str:
        """Make the database if there is none, start the server if it does not run; its URL.

        Raises:
            SettingError: STATE_DIR is no place for a database; it says why.
        """
        starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            # The thread goes on; what it starts must be stopped.
            await asyncio.wait([starting])
            await self.stop()
            raise

    async def stop(self) -> None:
        """Let go; the last user stops the server. What was committed is safe either way."""
        await asyncio.shield(asyncio.to_thread(self._stop))

    async def __aenter__(self) -> str:
        url = await self.start()
        self._watching = asyncio.create_task(self._watch(), name="watch on the embedded database")
        return url

    async def __aexit__(self, *_args: object) -> None:
        self._watching.cancel()
        await asyncio.wait([self._watching])
        await self.stop()

    async def _watch(self) -> None:
        """Start the server again when it dies: nobody else would."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            reviving = asyncio.ensure_future(asyncio.to_thread(self._revive))
            try:
                await asyncio.shield(reviving)
            except asyncio.CancelledError:
                await asyncio.wait([reviving])
                raise
            except (OSError, ServerError) as error:
                log.error("the embedded database does not start again: %s", error)  # noqa: TRY400

    def _revive(self) -> None:
        if self._server.answers():
            return
        with _Locked(self._root / "starting.lock"):
            if not self._server.answers():
                log.error("the embedded database has died; it is started again")
                self._server.start()

    def _start(self) -> str:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with _Locked(self._root / "starting.lock"):
                if self._users is None:
                    self._users = (self._root / "users.lock").open("ab")
                fcntl.flock(self._users, fcntl.LOCK_SH)
                self._server.start()
                return self._server.url
        except OSError as error:
            self._stop()
            what = error.strerror or str(error)
            raise SettingError(
                "STATE_DIR",
                f"the embedded database cannot be kept in {self._root} ({what}).",
                "Choose a directory on a local disk that this user may write, or set DATABASE_URL.",
            ) from None
        except ServerError as error:
            self._stop()
            raise SettingError(
                "STATE_DIR",
                f"the embedded database in {self._root} does not start: {error}",
                f"{self._data / LOG} has more; or set DATABASE_URL to another database.",
            ) from None

    def _stop(self) -> None:
        if self._users is None:
            return
        with _Locked(self._root / "starting.lock"):
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                log.debug("another process goes on using the embedded database")
            else:
                self._server.stop()
            self._users.close()
            self._users = None


class _Locked:
    """The exclusive lock on a file; waits for it. The kernel releases it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._file = self._path.open("ab")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_args: object) -> None:
        self._file.close()
