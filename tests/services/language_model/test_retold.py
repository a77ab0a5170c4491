"""Items that two minds saved for the same words."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.services.language_model import Item
from app.services.language_model.retold import Retold
from tests.services.language_model.talking import SATURDAY_MORNING

ids = st.uuids().map(lambda uuid: uuid.hex)
items = st.builds(
    Item,
    id=ids,
    kind=st.sampled_from(["note", "reminder", "todo", "appointment"]),
    text=st.sampled_from(["call Anna", "buy milk", "pay the rent", "dentist"]),
    due_at=st.sampled_from([None, SATURDAY_MORNING + timedelta(days=1)]),
)
several = st.lists(items, max_size=4, unique_by=lambda item: item.id)


@given(first=several, cut=st.integers(0, 4), renamed=st.data())
def test_a_second_telling_of_the_same_wishes_adds_nothing(
    first: list[Item], cut: int, renamed: st.DataObject
) -> None:
    retold, kept = Retold(()), {}
    for item in first[:cut]:
        kept[retold.told(item).id] = item
    retold.again()
    order = renamed.draw(st.permutations(first))
    for item in order:
        again = retold.told(msgspec.structs.replace(item, id=renamed.draw(ids)))
        kept[again.id] = again
    assert sorted((i.kind, i.text, str(i.due_at)) for i in kept.values()) == sorted(
        (i.kind, i.text, str(i.due_at)) for i in first
    )


@given(known=items)
def test_an_item_known_to_both_keeps_its_id(known: Item) -> None:
    retold = Retold([known])
    assert retold.told(known) == known
    retold.again()
    assert retold.told(known) == known


@given(first=items, second=items)
def test_a_mind_that_corrects_its_own_new_item_keeps_to_one_id(first: Item, second: Item) -> None:
    retold = Retold(())
    retold.told(first)
    retold.again()
    assert retold.told(second).id == first.id
    assert retold.told(msgspec.structs.replace(second, text="other")).id == first.id
