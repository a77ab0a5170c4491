"""app.store.queries: questions that have no answer."""

from __future__ import annotations

import pytest

from app.store.database import Database
from app.store.erasure import Erasure
from app.store.operations import CallStarted
from app.store.queries import Queries
from app.store.writer import Writer
from tests.store.calls import NOON, line, started


@pytest.fixture(autouse=True)
async def call_of_nobody_in_particular(database: Database) -> None:
    async with Writer(database, "me") as writer:
        writer.add(started())
        writer.add(CallStarted("CA2", None, NOON))
        writer.add(line(1))


@pytest.mark.parametrize("unheard_of", ["CA1\0", "CA1\ud800"])
async def test_what_postgresql_cannot_store_is_not_found(
    database: Database, queries: Queries, unheard_of: str
) -> None:
    assert await queries.get_call(unheard_of) is None
    assert await queries.list_calls(unheard_of) == []
    assert await queries.get_lines(unheard_of) == []
    assert await queries.get_items(unheard_of) == []
    assert await queries.open_items(unheard_of) == []
    assert await queries.get_summary(unheard_of) is None
    assert await queries.user_of_number(unheard_of) is None
    assert await queries.resume_state(unheard_of) is None
    assert not await Erasure(database).call(unheard_of)
    assert len(await queries.get_lines("CA1")) == 1
