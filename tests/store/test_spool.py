"""app.store.spool: what is on the disk while the database is away."""

from __future__ import annotations

import base64
import fcntl
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.encryption import Encryption, UnreadableError
from app.services.language_model.interface import Item
from app.store import spool as spool_module
from app.store.operations import InterimHeard, ItemSaved
from app.store.spool import Numbered, Record, Spool, TornError
from tests.store.calls import NOON, finished, line, registered, started

PLAIN = Encryption()
SEALED = Encryption([base64.urlsafe_b64encode(b"k" * 32).decode()])

CALL: list[Numbered] = [
    (1, registered(user_id="anna")),
    (2, started()),
    (3, line(1)),
    (5, ItemSaved("CA1", Item("a", "reminder", "call Bert", NOON))),
    (6, finished()),
]


@pytest.mark.parametrize("encryption", [PLAIN, SEALED])
def test_a_record_gives_back_its_operations(encryption: Encryption) -> None:
    interim = (4, InterimHeard("CA1", 2, "user", "hel", 0))
    encoded = Record.of(NOON, [*CALL[:3], interim, *CALL[3:]]).encode(encryption, "me")
    record = Record.decode(encoded, encryption, "me")
    assert record.at == NOON
    assert record.numbered() == CALL


@given(st.text(max_size=30), st.integers(0))
def test_a_torn_record_is_never_taken_for_a_whole_one(words: str, cut: int) -> None:
    encoded = Record.of(NOON, [(1, line(1, text=words))]).encode(PLAIN, "me")
    assert encoded.count(b"\n") == 1
    assert len(Record.decode(encoded, PLAIN, "me").numbered()) == 1
    with pytest.raises(TornError):
        Record.decode(encoded[: cut % len(encoded)], PLAIN, "me")


def test_a_sealed_record_shows_no_words_and_opens_for_its_own_process_only() -> None:
    encoded = Record.of(NOON, CALL).encode(SEALED, "me")
    for word in (b"hello", b"Bert", b"anna", b"+1555", b"CA1"):
        assert word not in encoded
    with pytest.raises(UnreadableError):
        Record.decode(encoded, SEALED, "other")
    with pytest.raises(UnreadableError, match="not in ENCRYPTION_KEYS"):
        Record.decode(encoded, PLAIN, "me")


async def test_a_file_is_there_locked_and_private_only_while_something_waits(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", "me", PLAIN)
    assert not (tmp_path / "spool").exists()
    assert await spool.keep(CALL[:2])
    assert await spool.keep(CALL[2:])
    path = tmp_path / "spool" / "me.spool"
    assert path.stat().st_mode & 0o077 == 0
    with path.open("rb") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        records = [Record.decode(one, PLAIN, "me") for one in other]
    assert [one for record in records for one in record.numbered()] == CALL
    assert spool.last == 6
    await spool.drop()
    assert not list(path.parent.iterdir())
    assert await spool.keep(CALL)
    spool.close()
    assert path.exists()


async def test_a_full_spool_says_so_once_and_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spool_module, "LARGEST", 500)
    spool = Spool(tmp_path, "me", PLAIN)
    kept = 0
    with caplog.at_level(logging.CRITICAL):
        for number in range(1, 20):
            kept += await spool.keep([(number, line(number))])
    assert 0 < kept < 19
    assert spool.last == kept
    assert caplog.text.count("wait in memory only") == 1
    spool.close()
    assert len((tmp_path / "me.spool").read_bytes().splitlines()) == kept


async def test_a_directory_that_cannot_be_written_costs_the_calls_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    spool = Spool(tmp_path / "file" / "spool", "me", PLAIN)
    with caplog.at_level(logging.CRITICAL):
        assert not await spool.keep(CALL)
    assert "Not a directory" in caplog.text
