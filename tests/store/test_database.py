"""app.store.database: what a person is told when the database cannot be used."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import SettingError
from app.store.database import Database, Lost, reach, refused, why
from app.store.migrate import check, migrate, pending


async def problem(url: str) -> str:
    with pytest.raises(SettingError) as caught:
        async with Database(url):
            pass
    assert caught.value.setting == "DATABASE_URL"
    assert "secret" not in str(caught.value)
    return str(caught.value)


async def test_nobody_listening_is_said(unused_tcp_port: int) -> None:
    assert "cannot be reached" in await problem(f"postgresql://me:secret@127.0.0.1:{unused_tcp_port}/db")


async def test_an_unknown_host_is_said() -> None:
    assert "cannot be reached" in await problem("postgresql://me:secret@no-such-host.invalid/db")


async def test_a_database_that_does_not_exist_is_said(postgres_server: str) -> None:
    assert "there is no database nowhere" in await problem(postgres_server.replace("/postgres?", "/nowhere?"))


async def test_a_login_that_is_refused_is_said(postgres_server: str) -> None:
    assert "refuses this user" in await problem(postgres_server.replace("offhook@", "stranger:secret@"))


async def test_a_parameter_the_server_does_not_know_is_said(postgres_url: str) -> None:
    assert "no_such_setting" in await problem(postgres_url + "&no_such_setting=1")


async def test_a_database_without_tables_is_told_to_migrate(postgres_server: str) -> None:
    assert "offhook migrate" in await problem(postgres_server)


async def test_a_database_from_the_future_is_refused(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    assert "newer than this program" in await problem(postgres_url)
    with pytest.raises(SettingError, match="newer"):
        await migrate(postgres_url)


async def test_migrating_twice_changes_nothing(postgres_url: str) -> None:
    assert await pending(postgres_url) == []
    await migrate(postgres_url)


async def test_the_tables_are_those_of_the_migrations(database: Database) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from app.store.tables import metadata

    async with database.engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(
                    sync,
                    opts={"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables},
                ),
                metadata,
            )
        )
    assert differences == []


async def test_a_connection_that_was_cut_is_replaced_unnoticed(database: Database, postgres_url: str) -> None:
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    killer = await asyncpg.connect(postgres_url)
    await killer.execute(
        "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await killer.close()
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_everything_that_takes_a_url_takes_any_spelling(postgres_url: str) -> None:
    _, rest = postgres_url.split("://")
    url = f"postgresql+asyncpg://{rest}&sslmode=prefer&channel_binding=require"
    await reach(url)
    await migrate(url)
    await check(url)
    assert await pending(url) == []


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.ObjectNotInPrerequisiteStateError("database is not currently accepting connections"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.InterfaceError("connection is closed"),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_a_server_that_stops_or_starts_is_an_outage_and_refuses_nothing(error: Exception) -> None:
    assert isinstance(error, Lost)
    assert not refused(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DataError("invalid input"),
        asyncpg.CharacterNotInRepertoireError("invalid byte sequence"),
        asyncpg.ForeignKeyViolationError("no such call"),
        asyncpg.ProgramLimitExceededError("index row size"),
    ],
)
def test_data_the_driver_itself_reports_as_wrong_are_refused(error: Exception) -> None:
    assert refused(error)


async def test_the_reason_in_the_log_is_one_line_without_parameters(database: Database) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with database.engine.connect() as connection:
            await connection.execute(
                text("SELECT 1 / 0 WHERE CAST(:number AS text) <> ''"), {"number": "+1555"}
            )
    assert "+1555" not in str(caught.value)
    assert why(caught.value) == "division by zero"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), "TimeoutError"),
        (ValueError(" \n"), "ValueError"),
        (OSError("first\nsecond"), "first"),
        (asyncpg.PostgresError("gone"), "gone"),
    ],
)
def test_a_reason_is_never_empty_and_never_two_lines(error: Exception, reason: str) -> None:
    assert why(error) == reason


class Failing:
    """Work that fails so many times."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.times = 0

    async def __call__(self, connection: AsyncConnection) -> int:
        self.times += 1
        if self.errors:
            raise self.errors.pop()
        return int((await connection.execute(text("SELECT 42"))).scalar_one())


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.SerializationError("could not serialize access"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.AdminShutdownError("terminating connection"),
        asyncpg.ConnectionDoesNotExistError("connection was closed"),
        ConnectionResetError(),
    ],
)
async def test_a_transaction_is_tried_three_times_when_it_was_not_its_fault(
    database: Database, error: Exception
) -> None:
    twice, thrice = Failing(error, error), Failing(error, error, error)
    assert await database.run(twice) == 42
    with pytest.raises(type(error)):
        await database.run(thrice)
    assert (twice.times, thrice.times) == (3, 3)


@pytest.mark.parametrize(
    "error", [asyncpg.QueryCanceledError("too long"), asyncpg.UniqueViolationError("twice"), TimeoutError()]
)
async def test_a_transaction_that_would_fail_again_is_tried_once(
    database: Database, error: Exception
) -> None:
    failing = Failing(error)
    with pytest.raises(type(error)):
        await database.run(failing)
    assert failing.times == 1


async def test_two_transactions_that_lock_each_other_out_both_come_through(
    database: Database, postgres_url: str
) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("INSERT INTO users (id, name) VALUES ('a', ''), ('b', '')"))
    met = asyncio.Barrier(2)
    tries: list[str] = []

    async def rename(first: str, second: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            tries.append(first)
            for user in (first, second):
                await connection.execute(
                    text("UPDATE users SET name = name || :by WHERE id = :id"), {"by": first, "id": user}
                )
                if user == first and len(tries) <= 2:
                    await met.wait()

        await database.run(work)

    await asyncio.gather(rename("a", "b"), rename("b", "a"))
    assert len(tries) == 3
    async with database.engine.connect() as connection:
        names = (await connection.execute(text("SELECT name FROM users"))).scalars()
        assert {"".join(sorted(name)) for name in names} == {"ab"}
