"""What waits for the database, and in which order it may be written. No I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice, takewhile

from app.store.operations import (
    CallAnswered,
    CallFinished,
    CallNotReached,
    CallRegistered,
    CallRings,
    CallStarted,
    InterimHeard,
    ItemSaved,
    LineWritten,
    Operation,
    TransferFailed,
)

LARGEST_BATCH = 1000
"""Operations a transaction: some 50 ms of the database's time."""

CAPACITY = 200_000
"""Operations held through an outage: about 100 MB, or two hours of a hundred calls."""


class Backlog:
    """Operations in the order they came. A batch stays in front until it is committed or refused.

    A refused batch is tried again in halves, so that the one operation the database does not take is found
    in a few steps and the others around it are written, still in order.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: deque[tuple[int, Operation]] = deque()
        self._number = 0
        self._sizes: list[int] = []
        """The batches to try next, the nearest one last."""

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, operation: Operation, number: int | None = None) -> bool:
        """Append; False when there is no room and the operation is lost.

        `number` is its place among all of its process's operations, when it does not follow the last one.
        """
        if len(self._waiting) >= self._capacity:
            return False
        self._number = self._number + 1 if number is None else number
        self._waiting.append((self._number, operation))
        return True

    def batch(self) -> list[Operation]:
        """What to write next, in one transaction. The same again until it is settled."""
        if not self._sizes and self._waiting:
            self._sizes.append(min(len(self._waiting), LARGEST_BATCH))
        size = self._sizes[-1] if self._sizes else 0
        return [operation for _, operation in islice(self._waiting, size)]

    @property
    def number(self) -> int:
        """That of the batch's last operation."""
        return self._waiting[self._sizes[-1] - 1][0]

    @property
    def settled(self) -> int:
        """The number up to which all operations are settled."""
        return self._waiting[0][0] - 1 if self._waiting else self._number

    def after(self, number: int) -> list[tuple[int, Operation]]:
        """The operations with higher numbers that wait, with their numbers."""
        newer = takewhile(lambda numbered: numbered[0] > number, reversed(self._waiting))
        return list(newer)[::-1]

    def committed(self) -> int:
        """The batch is in the database. How many operations it had."""
        size = self._sizes.pop()
        for _ in range(size):
            self._waiting.popleft()
        return size

    def refused(self) -> Operation | None:
        """The database does not take the batch as it is. The operation to give up, once it stands alone."""
        size = self._sizes.pop()
        if size == 1:
            return self._waiting.popleft()[1]
        half = size // 2
        self._sizes += [size - half, half]
        return None


PHASES: dict[type[Operation], int] = {
    CallRegistered: 0,
    CallRings: 1,
    CallStarted: 2,
    CallAnswered: 3,
    LineWritten: 3,
    InterimHeard: 3,
    ItemSaved: 3,
    CallFinished: 4,
    CallNotReached: 4,
    TransferFailed: 5,
}
"""A call's life. Operations of one phase touch different rows or replace each other."""


def waves(batch: Iterable[Operation]) -> list[list[Operation]]:
    """Cut a batch so that each wave can be written phase by phase, all calls together.

    Calls do not depend on each other, so order matters within a call only. A call that goes back to an
    earlier phase (it was finished and is resumed) goes on in the next wave. Nearly always there is one.
    """
    result: list[list[Operation]] = []
    last: dict[str, tuple[int, int]] = {}
    for operation in batch:
        phase = PHASES[type(operation)]
        wave, reached = last.get(operation.call_sid, (0, 0))
        if phase < reached:
            wave += 1
        last[operation.call_sid] = (wave, phase)
        while len(result) <= wave:
            result.append([])
        result[wave].append(operation)
    return result
