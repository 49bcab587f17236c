"""What a relay's metrics tell."""

from time import monotonic

from crm_chassis.mongo import outbox
from crm_chassis.telemetry import metrics

MEASURE_EVERY = 5.0


class Meters:
    """The metrics of one service's relay."""

    def __init__(self, service: str) -> None:
        self._published = metrics.OUTBOX_PUBLISHED.labels(service)
        self._seconds = metrics.OUTBOX_PUBLISH_SECONDS.labels(service)
        self._pending = metrics.OUTBOX_PENDING.labels(service)
        self._oldest = metrics.OUTBOX_OLDEST_AGE.labels(service)
        self._blocked = metrics.OUTBOX_BLOCKED.labels(service)
        self._broker_blocked = metrics.OUTBOX_BROKER_BLOCKED.labels(service)
        self._failures = {
            reason: metrics.OUTBOX_PUBLISH_FAILURES.labels(service, reason)
            for reason in metrics.PUBLISH_FAILURES
        }
        self._batches: dict[str, float] = {}
        self._due = 0.0

    def sent(self, last: str) -> None:
        """A batch was handed to the broker; `last` is its last event."""
        self._batches[last] = monotonic()

    def confirmed(self, event_id: str) -> None:
        """The broker has taken an event."""
        self._published.inc()
        begun = self._batches.pop(event_id, None)
        if begun is not None:
            self._seconds.observe(monotonic() - begun)

    def failed(self, reason: str, count: int) -> None:
        """So many events were not published."""
        self._failures[reason].inc(count)
        self._batches.clear()

    def blocked(self, resources: int) -> None:
        """So many resources wait for the broker to take their next event."""
        self._blocked.set(resources)

    def measure(self, is_broker_blocked: bool) -> None:
        """Look every few seconds what waits in the log, whoever is to publish it."""
        self._broker_blocked.set(is_broker_blocked)
        if monotonic() < self._due:
            return
        self._due = monotonic() + MEASURE_EVERY
        self._pending.set(outbox.backlog())
        self._oldest.set(outbox.oldest_age())
