"""One process's connections to PostgreSQL."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.encryption import Encryption
from app.errors import SettingError
from app.store import migrate
from app.store.url import normalise_url, where

CONNECT_SECONDS = 5.0
"""Longer than any healthy connect, shorter than a person's patience at start-up."""

STATEMENT_SECONDS = 15.0
"""A statement that takes longer has lost its server (no FIN came): time to reconnect."""

T = TypeVar("T")

TRIES = 3
"""Of a transaction that was no fault of its own: see `passing`."""

AS_USER = text("""
    SELECT set_config('offhook.user_id', :user_id, true),
           CASE WHEN rolsuper OR rolbypassrls THEN set_config('role', 'offhook_reader', true) END
    FROM pg_roles WHERE rolname = current_user
""")
"""For the rest of the transaction, the policies show this user's rows only. Whom policies do not bind, the
embedded database's superuser for one, becomes a role that they do bind."""

Lost = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError, PoolTimeoutError)
"""What a database outage looks like from here. A server that stops or starts says so in many of its own
errors (57P01, 57P03, 53300, 55000, …), few of which asyncpg calls a connection error."""


class Database:
    """A pool for statements, and single connections for those who listen.

    Use it as a context manager, or call `aclose` in the end.
    """

    def __init__(self, url: str, encryption: Encryption | None = None, *, pool_size: int = 8) -> None:
        """`url` is any `postgres…://` spelling. `encryption` is for the words that are kept; without, they
        are kept as they are.

        Raises:
            SettingError: it is not a PostgreSQL URL.
        """
        self.url = normalise_url(url)
        self.encryption = encryption or Encryption()
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            # asyncpg reads the URL itself: it knows sslmode, sockets, several hosts and PGPASSWORD.
            async_creator=self._open,
            pool_pre_ping=True,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=CONNECT_SECONDS,
            # Telephone numbers and what was said have no place in an error's message.
            hide_parameters=True,
        )

    async def connect(self) -> None:
        """Try the database once, at start.

        Raises:
            SettingError: it cannot be reached, does not let us in, or has another schema.
        """
        await reach(self.url)
        await migrate.check(self.url)

    async def run(self, work: Callable[[AsyncConnection], Awaitable[T]], user_id: str | None = None) -> T:
        """`work` in a transaction of its own, tried again when that did not end for a passing reason.

        A lost connection does not tell whether the COMMIT came through: `work` done twice must be as good
        as once. With `user_id` it can only read, and sees that user's rows whatever it asks for.
        """
        for attempt in range(1, TRIES):
            try:
                return await self._run(work, user_id)
            except Lost as error:
                if not passing(error):
                    raise
            await pause(attempt)
        return await self._run(work, user_id)

    async def _run(self, work: Callable[[AsyncConnection], Awaitable[T]], user_id: str | None) -> T:
        async with self.engine.begin() as connection:
            if user_id is not None:
                if not user_id:
                    raise ValueError("to the policies, no user means Offhook itself")
                await connection.execute(AS_USER, {"user_id": user_id})
            return await work(connection)

    async def listener(self) -> asyncpg.Connection:
        """A connection outside the pool, for LISTEN. The caller closes it."""
        return await self._open()

    async def aclose(self) -> None:
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _open(self, *_args: object, **_kwargs: object) -> asyncpg.Connection:
        return await asyncpg.connect(
            self.url,
            timeout=CONNECT_SECONDS,
            command_timeout=STATEMENT_SECONDS,
            server_settings={"application_name": "offhook"},
        )


async def reach(url: str) -> None:
    """Connect once. `url` is any `postgres…://` spelling.

    Raises:
        SettingError: what is wrong, in a person's words and without the password.
    """
    url = normalise_url(url)
    place = where(url)
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise SettingError(
            "DATABASE_URL", f"the database {place} refuses this user or password.", "Check both."
        ) from None
    except asyncpg.InvalidCatalogNameError:
        raise SettingError(
            "DATABASE_URL", f"there is no database {place}.", "Create it (createdb) or correct the name."
        ) from None
    except ssl.SSLError as error:
        raise SettingError(
            "DATABASE_URL",
            f"the TLS connection to {place} failed: {error.reason or error}.",
            "Check sslmode and the server's certificate.",
        ) from None
    except (OSError, TimeoutError) as error:
        reason = "it does not answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise SettingError(
            "DATABASE_URL",
            f"the database {place} cannot be reached ({reason}).",
            "Start it, correct host and port, or leave DATABASE_URL empty for the embedded one.",
        ) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        # The server's own words: too many connections, starting up, an unknown parameter.
        raise SettingError(
            "DATABASE_URL",
            f"the database {place} does not let us in: {error}.",
            "Correct it, then start again.",
        ) from None
    await connection.close()


def refused(error: Exception) -> bool:
    """Whether the database (or its driver) refuses this very data, so that trying again is no use.

    SQLSTATE classes: 22 data exception, 23 integrity constraint violation, 54 program limit exceeded
    (PostgreSQL 18, appendix A).
    """
    state = getattr(driver_error(error), "sqlstate", None) or ""
    if state[:2] in ("22", "23", "54"):
        return True
    # SQLAlchemy could not even make the statement out of the values.
    return isinstance(error, StatementError) and not isinstance(error, DBAPIError)


def passing(error: BaseException) -> bool:
    """Whether the same transaction may well succeed now: it lost its connection, a deadlock or a race.

    SQLSTATE classes: 08 connection exception, 40 transaction rollback, 57 operator intervention (PostgreSQL
    18, appendix A). A statement that was cancelled for taking too long (57014) would take as long again.
    """
    cause = driver_error(error)
    if isinstance(cause, TimeoutError):
        return False
    state = getattr(cause, "sqlstate", None) or ""
    if state:
        return state[:2] in ("08", "40", "57") and state != "57014"
    return isinstance(cause, OSError | asyncpg.InterfaceError)


def driver_error(error: BaseException) -> BaseException:
    """What asyncpg raised, when SQLAlchemy has wrapped it; otherwise the error itself."""
    wrapped = error.orig if isinstance(error, DBAPIError) else None
    return (wrapped and wrapped.__cause__) or error


def why(error: BaseException) -> str:
    """The reason for a log line: the first line of the message, or the error's type if it says nothing."""
    cause = driver_error(error)
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]


async def pause(attempt: int) -> None:
    """Wait before try number `attempt` (from 1) of reaching a database that was lost: 0.1 s to 2 s."""
    await asyncio.sleep(min(2.0, 0.1 * 2 ** min(attempt - 1, 10)))
