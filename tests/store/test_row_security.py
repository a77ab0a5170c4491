"""Row-level security: a user's queries show that user's rows, whatever they ask for."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import SettingError
from app.services.language_model.interface import Item
from app.store.database import Database
from app.store.migrate import migrate
from app.store.operations import CallStarted, ItemSaved
from app.store.queries import Queries
from app.store.writer import Writer
from tests.store.calls import NOON, line

TABLES = ("calls", "transcript_lines", "call_items", "call_summaries", "users", "phone_numbers")


@pytest.fixture(params=["superuser", "plain owner", "exempt from policies"])
async def database(request: pytest.FixtureRequest, postgres_server: str) -> AsyncIterator[Database]:
    """As the embedded database is opened, as most managed ones are, and as Supabase's."""
    name, role = f"rows_{uuid4().hex[:8]}", f"role_{uuid4().hex[:8]}"
    options = {"superuser": "SUPERUSER", "plain owner": "", "exempt from policies": "BYPASSRLS CREATEROLE"}
    connection = await asyncpg.connect(postgres_server)
    await connection.execute(f"CREATE ROLE {role} LOGIN {options[request.param]}")
    await connection.execute(f"CREATE DATABASE {name} OWNER {role}")
    if request.param == "exempt from policies":
        # As an administrator would have made it: the role is the server's, and another made it before.
        await connection.execute(f"GRANT offhook_reader TO {role}")
    url = postgres_server.replace("//offhook@/postgres?", f"//{role}@/{name}?")
    assert role in url
    await migrate(url)
    async with Database(url) as database:
        await two_users(database)
        yield database
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.execute(f"DROP OWNED BY {role}")
    await connection.execute(f"DROP ROLE {role}")
    await connection.close()


async def two_users(database: Database) -> None:
    async with Writer(database, "me") as writer:
        for hour, user in enumerate(["anna", "bert"]):
            sid = f"CA-{user}"
            writer.add(CallStarted(sid, user, NOON + timedelta(hours=hour)))
            writer.add(line(1, sid, text=f"{user} speaks"))
            writer.add(ItemSaved(sid, Item(user, "note", f"{user}'s milk")))
        writer.add(CallStarted("CA-nobody", None, NOON))

    async def more(connection: AsyncConnection) -> None:
        for number, user in enumerate(["anna", "bert"]):
            await connection.execute(text(f"INSERT INTO users (id) VALUES ('{user}')"))
            await connection.execute(
                text(f"INSERT INTO phone_numbers VALUES ('+155500011{number}', '{user}')")
            )
            await connection.execute(
                text(
                    "INSERT INTO call_summaries (call_sid, summary, key_points, action_items, model) "
                    f"VALUES ('CA-{user}', '{user} called', '[]', '[]', 'm')"
                )
            )

    await database.run(more)


async def everything(database: Database, table: str, user_id: str | None) -> str:
    """A query that forgot its WHERE."""

    async def ask(connection: AsyncConnection) -> str:
        return str((await connection.execute(text(f"SELECT * FROM {table}"))).all())

    return await database.run(ask, user_id)


async def test_a_query_that_forgets_to_ask_shows_one_users_rows(database: Database) -> None:
    for table in TABLES:
        assert "bert" in await everything(database, table, None)
        seen = await everything(database, table, "anna")
        assert "anna" in seen
        assert "bert" not in seen
        assert "nobody" not in seen
        assert await everything(database, table, "carl") == "[]"


async def test_a_users_transaction_cannot_write(database: Database) -> None:
    for statement in (
        "UPDATE calls SET user_id = 'anna'",
        "DELETE FROM calls",
        "INSERT INTO users (id) VALUES ('carl')",
    ):
        with_error = False

        async def ask(connection: AsyncConnection, statement: str = statement) -> int:
            return (await connection.execute(text(statement))).rowcount

        try:
            changed = await database.run(ask, "anna")
        except DBAPIError:
            with_error = True
        assert with_error or changed == 0
    assert len(await Queries(database).list_calls()) == 3


async def test_the_next_transaction_on_the_connection_sees_everything_again(database: Database) -> None:
    for _ in range(20):
        assert "bert" not in await everything(database, "calls", "anna")
        assert "bert" in await everything(database, "calls", None)


async def test_queries_seen_by_a_user_know_no_other_calls(database: Database) -> None:
    queries = Queries(database).seen_by("anna")
    assert [call.call_sid for call in await queries.list_calls()] == ["CA-anna"]
    assert [call.call_sid for call in await queries.list_calls("bert")] == []
    assert await queries.get_call("CA-bert") is None
    assert await queries.get_lines("CA-bert") == []
    assert await queries.get_items("CA-bert") == []
    assert await queries.get_summary("CA-bert") is None
    assert [one.text for one in await queries.get_lines("CA-anna")] == ["anna speaks"]
    assert len(await queries.seen_by(None).list_calls()) == 3


async def test_nobody_is_no_user(database: Database) -> None:
    with pytest.raises(ValueError, match="no user"):
        await everything(database, "calls", "")


async def test_another_login_sees_nothing_until_a_policy_lets_it(database: Database) -> None:
    administrator = await asyncpg.connect(re.sub(r"//\w+@", "//offhook@", database.url))
    await administrator.execute(
        "BEGIN; CREATE ROLE reporting; GRANT SELECT ON calls TO reporting; SET LOCAL ROLE reporting"
    )
    assert await administrator.fetch("SELECT * FROM calls") == []
    await administrator.execute(
        "RESET ROLE; CREATE POLICY reports ON calls TO reporting USING (true); SET LOCAL ROLE reporting"
    )
    assert len(await administrator.fetch("SELECT * FROM calls")) == 3
    await administrator.close()


async def test_a_login_that_no_policy_binds_and_that_may_not_become_another_is_told_what_to_do(
    postgres_server: str,
) -> None:
    name, role = f"rows_{uuid4().hex[:8]}", f"role_{uuid4().hex[:8]}"
    administrator = await asyncpg.connect(postgres_server)
    await administrator.execute(f"CREATE ROLE {role} LOGIN BYPASSRLS")
    await administrator.execute(f"CREATE DATABASE {name} OWNER {role}")
    url = postgres_server.replace("//offhook@/postgres?", f"//{role}@/{name}?")
    with pytest.raises(SettingError, match=f"GRANT offhook_reader TO {role}"):
        await migrate(url)
    await administrator.execute(f"GRANT offhook_reader TO {role}")
    await migrate(url)
    await administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await administrator.execute(f"DROP ROLE {role}")
    await administrator.close()
