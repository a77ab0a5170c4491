"""What one viewer has not seen yet. No I/O.

A poke says only "read again", and an interim replaces the one before it. So nothing has to be queued: a
slow viewer finds each poke once and the newest interim of each speaker, and the box never holds more.
"""

from __future__ import annotations

from app.live.messages import Interim, LiveEvent


class Mailbox:
    """At most one of each kind of event, the one that has waited longest first."""

    def __init__(self, call_sid: str) -> None:
        self.call_sid = call_sid
        self._events: dict[str, LiveEvent] = {}

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: LiveEvent) -> None:
        """Replace what `event` makes obsolete."""
        if isinstance(event, Interim):
            # To the end: its line may have been announced after the interim that it replaces.
            self._events.pop(event.line.speaker, None)
            self._events[event.line.speaker] = event
        else:
            self._events.setdefault(event.event, event)

    def take(self) -> LiveEvent | None:
        """The next event; None when the viewer is up to date."""
        for kind in self._events:
            return self._events.pop(kind)
        return None


class Mailboxes:
    """All viewers of a process, by call."""

    def __init__(self) -> None:
        self._by_call: dict[str, set[Mailbox]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_call.values()))

    def add(self, box: Mailbox) -> None:
        self._by_call.setdefault(box.call_sid, set()).add(box)

    def remove(self, box: Mailbox) -> None:
        boxes = self._by_call[box.call_sid]
        boxes.discard(box)
        if not boxes:
            del self._by_call[box.call_sid]

    def of(self, call_sid: str) -> frozenset[Mailbox]:
        """The boxes of a call's viewers."""
        return frozenset(self._by_call.get(call_sid, ()))

    def all(self) -> frozenset[Mailbox]:
        return frozenset(box for boxes in self._by_call.values() for box in boxes)
