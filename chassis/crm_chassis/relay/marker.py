"""Keeping in the log what the broker has confirmed, in a thread: it waits for the disk."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic

from crm_chassis.mongo import outbox
from crm_chassis.relay.lanes import Outgoing

AT_ONCE = 250
WITHIN = 0.1


class Marker:
    """Marks confirmed events, a batch at a time; calls `tell` when one is done."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell = tell
        self._thread = ThreadPoolExecutor(1, "marker")
        self._confirmed: list[Outgoing] = []
        self._marking: list[Outgoing] = []
        self._done: Future[None] | None = None
        self._due = 0.0

    def __len__(self) -> int:
        return len(self._confirmed) + len(self._marking)

    @property
    def unmarked(self) -> list[Outgoing]:
        """What the broker has, and the log does not yet say so."""
        return self._marking + self._confirmed

    @property
    def due(self) -> float:
        """When the next batch is to be begun, whatever its size."""
        return self._due if self._confirmed and self._done is None else float("inf")

    def add(self, event: Outgoing) -> None:
        """Take in an event that was confirmed."""
        if not self._confirmed:
            self._due = monotonic() + WITHIN
        self._confirmed.append(event)

    def work(self, is_ours: Callable[[Outgoing], bool]) -> None:
        """Begin the next batch, if it is time and the one before is done.

        What is not ours any more is left to whoever has its bucket.

        Raises:
            Failure: the one before failed; its events are in the next one again.
        """
        if self._done is not None:
            if not self._done.done():
                return
            self._end_batch(self._done)
        if len(self._confirmed) < AT_ONCE and monotonic() < self._due:
            return
        self._marking = list(filter(is_ours, self._confirmed))
        self._confirmed = []
        if self._marking:
            ids = [event.id for event in self._marking]
            self._done = self._thread.submit(outbox.mark_published, ids)
            self._done.add_done_callback(lambda _: self._tell())

    def stop(self) -> None:
        """Wait for the batch under way, and end."""
        self._thread.shutdown()

    def _end_batch(self, done: Future[None]) -> None:
        events, self._marking, self._done = self._marking, [], None
        error = done.exception()
        if error is not None:
            self._confirmed = events + self._confirmed
            raise error
