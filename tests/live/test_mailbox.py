"""app.live.mailbox: what a slow viewer finds."""

from __future__ import annotations

from app.live.mailbox import Mailbox, Mailboxes
from app.live.messages import Changed, Interim, InterimLine, LiveEvent


def interim(seq: int, text: str) -> Interim:
    return Interim("CA1", InterimLine(seq, "user", text, 0))


def taken(box: Mailbox) -> list[LiveEvent]:
    events = []
    while (event := box.take()) is not None:
        events.append(event)
    return events


def test_events_come_in_order() -> None:
    box = Mailbox("CA1")
    events: list[LiveEvent] = [Changed("CA1", "status"), Changed("CA1", "lines"), interim(1, "he")]
    for event in events:
        box.put(event)
    assert taken(box) == events


def test_a_slow_viewer_finds_each_poke_once_and_only_the_newest_interim() -> None:
    box = Mailbox("CA1")
    for number in range(1000):
        box.put(interim(number, "words"))
        box.put(Changed("CA1", "lines"))
    assert taken(box) == [Changed("CA1", "lines"), interim(999, "words")]


def test_an_interim_is_seen_after_the_poke_that_came_before_it() -> None:
    box = Mailbox("CA1")
    box.put(interim(1, "hel"))
    box.put(Changed("CA1", "lines"))
    box.put(interim(2, "and"))
    assert taken(box) == [Changed("CA1", "lines"), interim(2, "and")]


def test_only_the_viewers_of_a_call_are_found_and_none_stays_behind() -> None:
    boxes = Mailboxes()
    first, second, other = Mailbox("CA1"), Mailbox("CA1"), Mailbox("CA2")
    for box in (first, second, other):
        boxes.add(box)
    assert boxes.of("CA1") == {first, second}
    assert boxes.of("CA3") == set()
    for box in (first, second, other):
        boxes.remove(box)
    assert len(boxes) == 0
    assert boxes.all() == set()
