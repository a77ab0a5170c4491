"""app.store.backlog: order, batches, and finding the operation that the database does not take."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from app.services.language_model.interface import Item
from app.store.backlog import LARGEST_BATCH, PHASES, Backlog, waves
from app.store.operations import (
    CallFinished,
    CallNotReached,
    CallRegistered,
    CallStarted,
    InterimHeard,
    ItemSaved,
    LineWritten,
    Operation,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def operation(kind: int, call_sid: str, seq: int = 0) -> Operation:
    return (
        CallRegistered(call_sid, "inbound", "", "", None),
        CallStarted(call_sid, None, NOW),
        LineWritten(call_sid, seq, "user", "words", True, None, 0, 0, False, seq),
        InterimHeard(call_sid, seq, "user", "words", 0),
        ItemSaved(call_sid, Item(str(seq), "note", "milk")),
        CallFinished(call_sid, "completed", "hangup", NOW),
        CallNotReached(call_sid, "busy", "busy", NOW),
    )[kind]


def lines(count: int) -> list[Operation]:
    return [operation(2, "CA1", seq) for seq in range(count)]


operations = st.lists(
    st.builds(operation, st.integers(0, 6), st.sampled_from(["CA1", "CA2", "CA3"]), st.integers(0, 9)),
    max_size=60,
)


@given(operations)
def test_waves_keep_every_operation_and_each_call_goes_through_its_phases_in_order(
    batch: list[Operation],
) -> None:
    cut = waves(batch)
    assert sorted(map(id, (one for wave in cut for one in wave))) == sorted(map(id, batch))
    by_phase = [one for wave in cut for one in sorted(wave, key=lambda one: PHASES[type(one)])]
    for call_sid in ("CA1", "CA2", "CA3"):
        given_order = [one for one in batch if one.call_sid == call_sid]
        written_order = [one for one in by_phase if one.call_sid == call_sid]
        assert list(map(id, written_order)) == list(map(id, given_order))


@given(st.integers(0, 60), st.sets(st.integers(0, 59)))
def test_halving_gives_up_exactly_the_refused_operations_and_commits_the_rest_in_order(
    count: int, poison: set[int]
) -> None:
    backlog = Backlog()
    given_operations = lines(count)
    for one in given_operations:
        assert backlog.add(one)
    bad = {id(one) for index, one in enumerate(given_operations) if index in poison}
    committed: list[Operation] = []
    given_up: list[Operation] = []
    while len(backlog):
        batch = backlog.batch()
        if bad & set(map(id, batch)):
            lost = backlog.refused()
            given_up += [lost] if lost else []
        else:
            assert backlog.committed() == len(batch)
            committed += batch
    assert [one for one in given_operations if id(one) not in bad] == committed
    assert [one for one in given_operations if id(one) in bad] == given_up


def test_an_unsettled_batch_comes_again_unchanged_whatever_is_added() -> None:
    backlog = Backlog()
    backlog.add(operation(3, "CA1", 1))
    batch = backlog.batch()
    backlog.add(operation(3, "CA1", 2))
    backlog.add(operation(2, "CA1", 2))
    assert backlog.batch() == batch
    backlog.committed()
    assert backlog.batch() == [operation(3, "CA1", 2), operation(2, "CA1", 2)]


def test_a_batch_has_a_largest_size() -> None:
    backlog = Backlog()
    for one in lines(LARGEST_BATCH + 1):
        backlog.add(one)
    assert len(backlog.batch()) == LARGEST_BATCH


def test_a_full_backlog_takes_nothing_and_keeps_what_it_has() -> None:
    backlog = Backlog(capacity=2)
    assert [backlog.add(one) for one in lines(3)] == [True, True, False]
    assert backlog.batch() == lines(2)


@given(st.lists(st.sampled_from(["add", "commit", "refuse"]), max_size=60), st.integers(0, 60))
def test_numbers_tell_what_is_settled_and_what_waits(steps: list[str], after: int) -> None:
    backlog = Backlog()
    added = settled = 0
    for step in steps:
        if step == "add":
            added += backlog.add(operation(2, "CA1", added))
        elif batch := backlog.batch():
            assert backlog.number == settled + len(batch)
            settled += backlog.committed() if step == "commit" else backlog.refused() is not None
        assert backlog.settled == settled
        assert [number for number, _ in backlog.after(after)] == list(
            range(max(after, settled) + 1, added + 1)
        )


def test_operations_out_of_a_spool_keep_their_numbers() -> None:
    backlog = Backlog()
    for number in (3, 4, 9):
        backlog.add(operation(2, "CA1", number), number)
    assert len(backlog.batch()) == 3
    assert backlog.number == 9
    backlog.committed()
    assert backlog.settled == 9
