"""Words in the database when ENCRYPTION_KEYS is set."""

from __future__ import annotations

import asyncio
import base64
import logging

import pytest
from sqlalchemy import text

from app.encryption import Encryption, UnreadableError
from app.jobs.housekeeping import Housekeeping
from app.jobs.summaries import Summaries
from app.live.events import LiveEvents
from app.live.messages import CHANNEL, Interim
from app.services.language_model.interface import Item
from app.services.summarizer.interface import ActionItem
from app.store.database import Database
from app.store.ending import SummaryOrder
from app.store.operations import CallRegistered, InterimHeard, ItemSaved
from app.store.queries import Queries
from app.store.writer import Writer
from tests.jobs.test_job_worker import Counting
from tests.store.calls import LATER, finished, line, started

OLD, NEW = (base64.urlsafe_b64encode(bytes([byte]) * 32).decode() for byte in (1, 2))
WORDS = ("magnolia", "wisteria")


async def whole_call(database: Database, call_sid: str = "CA1") -> None:
    async with Writer(database, f"writer of {call_sid}") as writer:
        writer.add(started(call_sid, "anna"))
        writer.add(line(1, call_sid, text="magnolia"))
        writer.add(ItemSaved(call_sid, Item(f"item of {call_sid}", "note", "wisteria")))
        writer.add(finished(call_sid))
    assert await Summaries(database, Counting()).write(SummaryOrder(call_sid, LATER))


async def dump(database: Database) -> str:
    """All that another program can read."""
    tables = ("calls", "transcript_lines", "call_items", "call_summaries", "pgqueuer", "pgqueuer_log")
    async with database.engine.connect() as connection:
        rows = [(await connection.execute(text(f"SELECT * FROM {table}"))).all() for table in tables]
    return str(rows)


@pytest.fixture
def encrypted(database: Database) -> Database:
    database.encryption = Encryption([OLD])
    return database


async def test_the_words_of_a_call_are_nowhere_in_the_database_and_read_as_they_were(
    encrypted: Database, queries: Queries
) -> None:
    await whole_call(encrypted)
    stored = await dump(encrypted)
    assert not [word for word in (*WORDS, "1 lines until") if word in stored]
    queries = Queries(encrypted)
    assert [one.text for one in await queries.get_lines("CA1")] == ["magnolia"]
    assert [item.text for item in await queries.get_items("CA1")] == ["wisteria"]
    assert [item.text for item in await queries.open_items("anna")] == ["wisteria"]
    summary = await queries.get_summary("CA1")
    assert summary is not None
    assert (summary.summary, summary.key_points) == ("1 lines until 12:05", ["first", "second"])
    assert summary.action_items == [ActionItem("wisteria", None, "note")]


async def test_words_of_a_time_without_keys_are_read_beside_those_with(database: Database) -> None:
    await whole_call(database, "CA1")
    database.encryption = Encryption([OLD])
    await whole_call(database, "CA2")
    queries = Queries(database)
    for call_sid in ("CA1", "CA2"):
        assert [one.text for one in await queries.get_lines(call_sid)] == ["magnolia"]
        assert await queries.get_summary(call_sid) is not None
    assert len(await queries.open_items("anna")) == 2


async def test_a_missing_key_is_told_with_each_row_and_the_others_are_read(encrypted: Database) -> None:
    await whole_call(encrypted, "CA1")
    encrypted.encryption = Encryption([NEW])
    async with Writer(encrypted, "later") as writer:
        writer.add(line(2, "CA1", text="readable"))
    queries = Queries(encrypted)
    first, second = await queries.get_lines("CA1")
    assert (first.text, second.text) == ("", "readable")
    assert "not in ENCRYPTION_KEYS" in str(first.error)
    summary = await queries.get_summary("CA1")
    assert summary is not None
    assert "not in ENCRYPTION_KEYS" in str(summary.error)
    assert await queries.open_items("anna") == []


async def test_a_summary_is_not_made_of_lines_that_cannot_be_read(encrypted: Database) -> None:
    async with Writer(encrypted, "me") as writer:
        writer.add(started())
        writer.add(line(1))
        writer.add(finished())
    encrypted.encryption = Encryption([NEW])
    with pytest.raises(UnreadableError):
        await Summaries(encrypted, Counting()).write(SummaryOrder("CA1", LATER))


async def test_a_text_that_somebody_copied_into_another_row_is_not_read_there(encrypted: Database) -> None:
    async with Writer(encrypted, "me") as writer:
        writer.add(started())
        writer.add(line(1, text="magnolia"))
        writer.add(line(2, text="harmless"))
    async with encrypted.engine.begin() as connection:
        await connection.execute(
            text(
                "UPDATE transcript_lines SET text = one.text FROM transcript_lines one"
                " WHERE one.seq = 1 AND transcript_lines.seq = 2"
            )
        )
    first, second = await Queries(encrypted).get_lines("CA1")
    assert (first.text, second.text) == ("magnolia", "")
    assert "another row" in str(second.error)


async def test_live_words_are_sealed_on_their_way_and_opened_for_the_viewer(encrypted: Database) -> None:
    payloads: list[str] = []
    listener = await encrypted.listener()
    await listener.add_listener(CHANNEL, lambda *args: payloads.append(str(args[3])))
    live = LiveEvents(encrypted)
    listening = asyncio.create_task(live.run())
    async with live.watch("CA1") as events, Writer(encrypted, "me") as writer, asyncio.timeout(10):
        # The first news is that the live updates are there.
        await anext(events)
        writer.add(started())
        writer.add(InterimHeard("CA1", 1, "user", "magnolia " * 2000, 0))
        async for event in events:
            if isinstance(event, Interim):
                break
    listening.cancel()
    await listener.close()
    assert isinstance(event, Interim)
    assert event.line.text.endswith("magnolia magnolia ")
    assert not [payload for payload in payloads if "magnolia" in payload]


async def test_housekeeping_seals_everything_with_the_newest_key(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await whole_call(database, "CA1")
    database.encryption = Encryption([OLD])
    await whole_call(database, "CA2")
    database.encryption = Encryption([NEW, OLD])
    with caplog.at_level(logging.INFO):
        await Housekeeping(database, None).tidy()
        assert "6 texts are encrypted with the newest key now" in caplog.text
        caplog.clear()
        await Housekeeping(database, None).tidy()
        assert "texts" not in caplog.text
    database.encryption = Encryption([NEW])
    queries = Queries(database)
    for call_sid in ("CA1", "CA2"):
        assert [one.text for one in await queries.get_lines(call_sid)] == ["magnolia"]
        summary = await queries.get_summary(call_sid)
        assert summary is not None
        assert summary.key_points == ["first", "second"]
    assert [item.text for item in await queries.open_items("anna")] == ["wisteria", "wisteria"]
    assert not [word for word in WORDS if word in await dump(database)]


async def test_housekeeping_goes_past_rows_that_cannot_be_read(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.jobs.housekeeping.AT_ONCE", 1)
    database.encryption = Encryption([OLD])
    await whole_call(database, "CA1")
    database.encryption = Encryption()
    await whole_call(database, "CA2")
    database.encryption = Encryption([NEW])
    with caplog.at_level(logging.INFO):
        await Housekeeping(database, None).tidy()
    assert "3 texts are encrypted with the newest key now" in caplog.text
    assert "3 texts cannot be read" in caplog.text


async def test_people_s_numbers_are_masked_before_anything_is_stored_when_asked_for(
    database: Database, queries: Queries
) -> None:
    async with Writer(database, "me", masking=True) as writer:
        writer.add(started())
        writer.add(
            line(1, text="My card is four one one one, one one one one, one one one one, one one one one")
        )
        writer.add(ItemSaved("CA1", Item("a", "note", "write to anna@example.org")))
    assert [one.text for one in await queries.get_lines("CA1")] == ["My card is [card number]"]
    assert [item.text for item in await queries.get_items("CA1")] == ["write to [e-mail address]"]


async def test_the_first_words_of_a_call_that_was_placed_are_sealed_too(encrypted: Database) -> None:
    async with Writer(encrypted, "me") as writer:
        writer.add(CallRegistered("CA1", "outbound", "", "", None, "queued", "magnolia"))
    assert "magnolia" not in await dump(encrypted)
    state = await Queries(encrypted).resume_state("CA1")
    assert state is not None
    assert state.greeting == "magnolia"
