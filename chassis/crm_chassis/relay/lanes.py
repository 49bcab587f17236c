"""Which event may go next: of each resource one at a time, until the broker has confirmed it."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple


class Outgoing(NamedTuple):
    """An event on its way: `token` is that of the lease under which it was read."""

    id: str
    subject: str
    bucket: int
    token: int
    type: str
    traceparent: str
    body: bytes


class Lanes:
    """Events that were read, in a lane for each resource; the first of a lane may be sent.

    So that one which the broker does not take holds up its own resource, and no other.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, deque[Outgoing]] = {}
        self._ready: deque[Outgoing] = deque()
        self._ids: set[str] = set()
        self.sent: dict[str, Outgoing] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids

    @property
    def ready(self) -> int:
        """How many may be sent now."""
        return len(self._ready)

    def add(self, event: Outgoing) -> None:
        """Take in an event that follows all of its resource that are here."""
        self._ids.add(event.id)
        lane = self._lanes.get(event.subject)
        if lane is None:
            self._lanes[event.subject] = deque((event,))
            self._ready.append(event)
        else:
            lane.append(event)

    def send(self, count: int) -> list[Outgoing]:
        """Up to `count` events that may go, and now are on their way."""
        ready = self._ready
        events = [ready.popleft() for _ in range(min(count, len(ready)))]
        for event in events:
            self.sent[event.id] = event
        return events

    def arrived(self, event_id: str) -> Outgoing | None:
        """The event that arrived, its lane open for the next; None when it is not ours any more."""
        event = self.sent.pop(event_id, None)
        if event is None:
            return None
        self._ids.discard(event_id)
        lane = self._lanes[event.subject]
        lane.popleft()
        if lane:
            self._ready.append(lane[0])
        else:
            del self._lanes[event.subject]
        return event

    def failed(self, event_id: str) -> Outgoing | None:
        """The event that did not arrive; its lane is given up, to be read again."""
        event = self.sent.get(event_id)
        if event is not None:
            self._drop([event.subject])
        return event

    def keep(self, buckets: Iterable[int]) -> None:
        """Give up what is in other buckets, but what is on its way already."""
        kept = frozenset(buckets)
        lost = [subject for subject, lane in self._lanes.items() if lane[0].bucket not in kept]
        for subject in lost:
            first = self._lanes[subject][0]
            if first.id in self.sent:
                self._ids.difference_update(event.id for event in self._lanes[subject])
                self._ids.add(first.id)
                self._lanes[subject] = deque((first,))
            else:
                self._drop([subject])

    def clear(self) -> None:
        """Give up everything."""
        self._drop(list(self._lanes))

    def _drop(self, subjects: Iterable[str]) -> None:
        gone = set()
        for subject in subjects:
            for event in self._lanes.pop(subject):
                gone.add(event.id)
                self.sent.pop(event.id, None)
        self._ids -= gone
        if gone and self._ready:
            self._ready = deque(event for event in self._ready if event.id not in gone)
