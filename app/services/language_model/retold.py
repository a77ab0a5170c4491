"""Items saved by a mind that failed, and again by the one that answers instead: told apart. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from app.services.language_model.interface import Item


class Retold:
    """Both minds answer the same words of the caller's: an item new to both is one item.

    So a new item of the second takes the place of the likest of those that the first has left.
    """

    def __init__(self, known: Iterable[Item]) -> None:
        """`known` to both: they carry their ids."""
        self._known = {item.id for item in known}
        self._left: list[Item] = []
        self._saved: dict[str, Item] = {}
        self._names: dict[str, str] = {}

    def again(self) -> None:
        """The mind has failed; the next one begins from the start."""
        self._left += self._saved.values()
        self._saved.clear()
        self._names.clear()

    def told(self, item: Item) -> Item:
        """The item under the id it is to be kept by."""
        if item.id in self._known:
            return item
        if item.id not in self._names:
            twin = max(self._left, key=lambda left: _likeness(left, item), default=item)
            if twin is not item:
                self._left.remove(twin)
            self._names[item.id] = twin.id
        item = msgspec.structs.replace(item, id=self._names[item.id])
        self._saved[item.id] = item
        return item


def _likeness(one: Item, other: Item) -> tuple[bool, bool, bool]:
    return (
        one.text.casefold() == other.text.casefold(),
        one.due_at == other.due_at,
        one.kind == other.kind,
    )
