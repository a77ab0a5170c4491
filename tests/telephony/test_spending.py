"""app.telephony.spending: once, whichever process sees it, with a real database."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.settings import load_settings
from app.store.database import Database
from app.store.tables import spent_tokens
from app.telephony.spending import ASK_SECONDS, KEEP, OneTimeTokens
from app.telephony.tokens import StreamTokenError, StreamTokens

SETTINGS = load_settings(twilio_auth_token="secret")
NOWHERE = "postgresql://offhook@127.0.0.1:1/offhook"


def process(database: Database) -> tuple[StreamTokens, OneTimeTokens]:
    """What one server process has."""
    tokens = StreamTokens(SETTINGS)
    return tokens, OneTimeTokens(tokens, database)


async def test_a_token_is_used_once(database: Database) -> None:
    tokens, spending = process(database)
    token = tokens.issue("CA1", "user1")
    assert await spending.spend(token, "CA1") == "user1"
    with pytest.raises(StreamTokenError, match="used"):
        await spending.spend(token, "CA1")


async def test_a_token_is_used_once_by_all_processes_together(database: Database) -> None:
    token = process(database)[0].issue("CA1")
    others = [process(database)[1] for _ in range(8)]
    outcomes = await asyncio.gather(
        *(spending.spend(token, "CA1") for spending in others), return_exceptions=True
    )
    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, StreamTokenError) for outcome in outcomes) == 7


async def test_a_token_is_used_once_by_streams_that_come_at_the_same_time(database: Database) -> None:
    tokens, spending = process(database)
    token = tokens.issue("CA1")
    outcomes = await asyncio.gather(*(spending.spend(token, "CA1") for _ in range(8)), return_exceptions=True)
    assert outcomes.count(None) == 1


async def test_without_a_database_its_maker_takes_a_token_once() -> None:
    database = Database(NOWHERE)
    tokens, spending = process(database)
    token = tokens.issue("CA1", "user1")
    assert await spending.spend(token, "CA1") == "user1"
    with pytest.raises(StreamTokenError, match="used"):
        await spending.spend(token, "CA1")
    await database.aclose()


async def test_without_a_database_nobody_else_takes_it() -> None:
    database = Database(NOWHERE)
    token = process(database)[0].issue("CA1")
    with pytest.raises(StreamTokenError, match="database"):
        await process(database)[1].spend(token, "CA1")
    await database.aclose()


async def test_a_database_that_does_not_answer_keeps_no_caller_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://offhook@127.0.0.1:{silent.getsockname()[1]}/offhook")
        tokens, spending = process(database)
        async with asyncio.timeout(ASK_SECONDS + 2):
            assert await spending.spend(tokens.issue("CA1", "user1"), "CA1") == "user1"
        await database.aclose()


async def test_a_forged_token_costs_the_database_nothing(database: Database) -> None:
    _tokens, spending = process(database)
    forged = StreamTokens(load_settings(twilio_auth_token="other")).issue("CA1")
    with pytest.raises(StreamTokenError, match="not one of ours"):
        await spending.spend(forged, "CA1")
    assert await kept(database) == 0


async def test_rows_of_expired_tokens_go(database: Database) -> None:
    async with database.engine.begin() as connection:
        old = datetime.now(UTC) - KEEP - timedelta(seconds=1)
        await connection.execute(spent_tokens.insert().values(serial="old", expires_at=old))
        await connection.execute(spent_tokens.insert().values(serial="new", expires_at=datetime.now(UTC)))
    tokens, spending = process(database)
    await spending.spend(tokens.issue("CA1"), "CA1")
    assert await kept(database) == 2


async def kept(database: Database) -> int:
    async with database.engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(spent_tokens))).scalar_one())
