"""The relay: reads committed events in order, publishes them, and marks what the broker confirmed.

Polling is the truth. An event is read again until it is marked, and it is marked only after its
confirm: what a crash leaves undone is done once more, and consumers know it by its id.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import monotonic
from typing import Any

from crm_chassis.events.envelope import Unencodable, row_to_cloudevent
from crm_chassis.memory import give_memory_back, spare_the_collector
from crm_chassis.mongo import connection, leases, outbox
from crm_chassis.mongo.failures import check_database
from crm_chassis.relay.buckets import Buckets
from crm_chassis.relay.lanes import Lanes, Outgoing
from crm_chassis.relay.marker import Marker
from crm_chassis.relay.meters import Meters
from crm_chassis.relay.publisher import Fate, Publisher, Told
from crm_chassis.relay.reading import ReadingAhead, Recent
from crm_chassis.relay.refusals import Refusals
from crm_chassis.settings import ServiceSettings
from crm_chassis.stopping import stop_when_asked
from crm_chassis.telemetry import probes
from crm_chassis.telemetry.logging import logger, start_logging
from crm_chassis.telemetry.tracing import is_sampled, span, start_tracing, stop_tracing

WINDOW = 2000
# Read ahead, so that the window never waits for the database; at most so much is held in memory.
AHEAD, HELD = 500, 3000
READING = 20_000
# A poll for every few events: what comes together costs everybody on the way less. The longer
# nothing came the more seldom it asks: at the most seldom after ten seconds.
SHORTEST_POLL, LONGEST_POLL, SLOWING = 0.1, 0.25, 1.02
STOP_WITHIN = 15.0
AFTER_FAILURE = 1.0
STUCK_AFTER = 60.0
# After so many events there is memory to give back.
MANY = 1000
_REASONS: Mapping[Fate, str] = {
    Fate.RETURNED: "returned",
    Fate.REFUSED: "nack",
    Fate.LOST: "connection",
    Fate.OVERDUE: "timeout",
    Fate.FENCED: "fenced",
}
log = logger(__name__)


def run(
    settings: ServiceSettings,
    checks: Mapping[str, probes.Check] | None = None,
    lease_seconds: float = leases.SECONDS,
) -> None:
    """Publish the service's events until SIGTERM or SIGINT; then wait for the last confirms.

    `checks` is what else readiness needs.
    """
    settings.need("mongodb_uri", "rabbitmq_uri", "metrics_address")
    start_logging(settings.service, "relay", settings.log_level)
    # The publisher tells the same in fewer words.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    start_tracing(settings.service, "relay")
    connection.connect(settings.mongodb_uri, settings.database_name)
    spare_the_collector()
    buckets = Buckets(leases.this_process(), lease_seconds)
    publisher = Publisher(settings.rabbitmq_uri, buckets.covers)
    relay = Relay(settings.service, publisher, buckets)
    stop_when_asked(relay.stop, STOP_WITHIN)
    readiness = {"mongodb": check_database, "rabbitmq": publisher.check, **(checks or {})}
    with closing(probes.serve(settings.metrics_address, readiness, {"loop": relay.check})):
        publisher.start()
        relay.work()
        publisher.stop()
    connection.disconnect()
    stop_tracing()


class Relay:
    """One relay's work; `stop` and `check` may be called from any thread."""

    def __init__(self, service: str, publisher: Publisher, buckets: Buckets) -> None:
        self._publisher, self._buckets = publisher, buckets
        self._lanes, self._refusals, self._meters = Lanes(), Refusals(), Meters(service)
        self._marker = Marker(publisher.wake)
        self._reader = ThreadPoolExecutor(1, "reader")
        self._reading: ReadingAhead | None = None
        self._recent = Recent()
        self._done: set[str] = set()
        self._read_at = self._idle_until = 0.0
        self._poll = SHORTEST_POLL
        self._carried = 0
        self._stop_by: float | None = None
        self._alive = monotonic()

    def stop(self) -> None:
        """Read no more, and end when all that was sent is told of."""
        self._stop_by = monotonic() + STOP_WITHIN
        self._publisher.wake()

    def check(self) -> None:
        """Do nothing while the relay gets on.

        Raises:
            RuntimeError: it has not for a minute.
        """
        if monotonic() - self._alive > STUCK_AFTER:
            raise RuntimeError("the relay's loop stands still")

    def work(self) -> None:
        """Carry events until `stop`."""
        while not self._is_over():
            self._alive = monotonic()
            self._publisher.refuse_dead()
            self._tidy()
            self._settle(self._publisher.fates(self._patience()))
            if self._alive >= self._idle_until:
                try:
                    self._work_on_log()
                except outbox.Failure as error:
                    self._give_up(error)
        self._leave()

    def _tidy(self) -> None:
        """Give memory back that much work has left, once there is none."""
        if self._carried >= MANY and self._poll == LONGEST_POLL:
            self._carried = 0
            give_memory_back()

    def _is_over(self) -> bool:
        if self._stop_by is None:
            return False
        return monotonic() > self._stop_by or not (self._lanes.sent or len(self._marker))

    def _patience(self) -> float:
        """How long nothing has to be done unless something is told."""
        moment = monotonic()
        if moment < self._idle_until:
            return min(self._idle_until - moment, LONGEST_POLL)
        if not self._publisher.is_open:
            return LONGEST_POLL
        if self._stop_by is None and self._is_read_due():
            return 0.0
        due = min(self._read_at, self._marker.due)
        return min(max(due - moment, 0.005), LONGEST_POLL)

    def _work_on_log(self) -> None:
        if self._buckets.is_due:
            self._refresh()
        if self._buckets.has_surplus:
            self._hand_over()
        self._marker.work(self._buckets.covers)
        if self._stop_by is None:
            self._read()
            self._send()
            self._meters.blocked(len(self._refusals))
            self._meters.measure(self._publisher.is_blocked)

    def _give_up(self, error: Exception) -> None:
        """The database is away: try again soon, from the start."""
        log.warning("database failed", exc_info=error)
        self._idle_until = monotonic() + AFTER_FAILURE
        self._reading = None
        self._recent.read_all()

    def _leave(self) -> None:
        self._marker.stop()
        self._reader.shutdown()
        try:
            self._buckets.leave()
        except outbox.Failure as error:
            log.warning("leases not given back", exc_info=error)

    # What the broker tells

    def _settle(self, fates: list[Told]) -> None:
        failed: Counter[Fate] = Counter()
        for event_id, fate in fates:
            if fate is Fate.CONFIRMED:
                self._arrived(event_id)
                continue
            failed[fate] += 1
            if fate in (Fate.RETURNED, Fate.REFUSED):
                self._refused(event_id)
        for fate, count in failed.items():
            reason = _REASONS[fate]
            self._meters.failed(reason, count)
            log.error("events not taken", reason=reason, count=count)
        if failed.keys() - {Fate.RETURNED, Fate.REFUSED}:
            self._start_over()

    def _arrived(self, event_id: str) -> None:
        event = self._lanes.arrived(event_id)
        if event is None:
            return
        self._carried += 1
        self._marker.add(event)
        self._done.add(event_id)
        self._meters.confirmed(event_id)
        if self._refusals.forget(event.subject):
            self._recent.read_all()

    def _refused(self, event_id: str) -> None:
        event = self._lanes.failed(event_id)
        if event is not None:
            self._refusals.add(event.subject)

    def _start_over(self) -> None:
        """Forget what is on its way: all that is still pending is read again."""
        self._lanes.clear()
        self._end_reading()
        self._read_at = 0.0

    # Leases

    def _refresh(self) -> None:
        before = self._buckets.serving
        self._buckets.refresh()
        if self._buckets.serving != before:
            log.info("buckets shared", count=len(self._buckets.serving))
            self._lanes.keep(self._buckets.serving)
            self._end_reading()

    def _hand_over(self) -> None:
        unmarked = (event.bucket for event in self._marker.unmarked)
        sent = (event.bucket for event in self._lanes.sent.values())
        self._buckets.hand_over(frozenset((*sent, *unmarked)))

    # The log

    def _is_read_due(self) -> bool:
        if self._lanes.ready >= AHEAD or len(self._lanes) >= HELD:
            return False
        if self._reading is not None:
            return self._reading.is_there
        return monotonic() >= self._read_at

    def _read(self) -> None:
        """Read on, or from the start: then all that is pending is seen, late commits too."""
        if not self._publisher.is_open or not self._is_read_due():
            return
        if self._reading is None:
            self._poll = min(self._poll * SLOWING, LONGEST_POLL)
            self._read_at = monotonic() + self._poll
            self._reading = self._begin_reading()
            return
        rows, more = self._reading.take()
        for row in rows:
            self._take_in(row)
        if not more:
            self._end_reading(is_whole=not self._reading.is_cut)

    def _begin_reading(self) -> ReadingAhead | None:
        self._refusals.look()
        if not self._buckets.serving or self._refusals.are_too_many:
            return None
        unmarked = self._marker.unmarked
        self._recent.begin(is_all=bool(len(self._refusals)))
        if not self._lanes and not unmarked and not outbox.is_any_pending(self._recent.since):
            self._recent.was_read()
            return None
        # What was marked before this moment is not seen any more.
        self._done = {event.id for event in unmarked}
        limit = READING + len(self._lanes) + len(unmarked)
        waiting = self._refusals.waiting
        reading = outbox.Reading(self._buckets.serving, waiting, limit, self._recent.since)
        return ReadingAhead(reading, self._reader, self._publisher.wake)

    def _end_reading(self, *, is_whole: bool = False) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.close()
        if is_whole:
            self._recent.was_read()
        else:
            self._recent.read_all()

    def _take_in(self, row: dict[str, Any]) -> None:
        event_id, subject, bucket = row["_id"], row["subject"], row["bucket"]
        if event_id in self._lanes or event_id in self._done or subject in self._refusals:
            return
        token = self._buckets.token(bucket)
        if token is None:
            return
        self._poll = SHORTEST_POLL
        try:
            body = row_to_cloudevent(row)
        except Unencodable as error:
            self._meters.failed("unencodable", 1)
            log.error("event not sent", event_id=event_id, reason=str(error))
            self._refusals.add(subject)
            return
        event = Outgoing(event_id, subject, bucket, token, row["type"], row["traceparent"], body)
        self._lanes.add(event)

    # The broker

    def _send(self) -> None:
        if not self._publisher.is_open:
            return
        events = self._lanes.send(WINDOW - len(self._lanes.sent))
        for event in events:
            if is_sampled(event.traceparent):
                _trace(event)
        if events:
            self._publisher.send(events)
            self._meters.sent(events[-1].id)


def _trace(event: Outgoing) -> None:
    told = {"event_id": event.id, "event_type": event.type}
    with span("publish", traceparent=event.traceparent, kind="producer", attributes=told):
        pass
