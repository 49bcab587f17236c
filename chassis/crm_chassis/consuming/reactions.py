"""One subscription at work: decodes, opens the transaction, and decides what failed."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from time import perf_counter
from typing import Any

from crm_chassis.consuming.deliveries import Delivery, acknowledge_all
from crm_chassis.consuming.intake import Passing
from crm_chassis.consuming.retry import UNDECODABLE, Retries, attempts_of
from crm_chassis.events import topology
from crm_chassis.events.catalog import announced, message_of, services
from crm_chassis.events.envelope import Event, Undecodable, from_cloudevent
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Conflict, Unavailable
from crm_chassis.mongo import inbox
from crm_chassis.mongo.failures import refusal_of
from crm_chassis.resources.transaction import Transaction, as_call
from crm_chassis.telemetry import metrics
from crm_chassis.telemetry.context import Call, call_scope, service_principal
from crm_chassis.telemetry.logging import logger
from crm_chassis.telemetry.tracing import begin_span, is_sampled, is_traceparent, span

# Several may change one resource at once; who loses every time has another reason.
CONFLICTS = 5
# An event that came so late continues no trace: it is linked to it.
SAME_TRACE = 60.0
UNKNOWN = "unknown"
_TYPE = re.compile(r"crm(\.[a-z_]+){3}\.v\d+")
log = logger(__name__)


class Order(Enum):
    """What a subscription does with an event that is older than the newest it has seen.

    LATEST leaves it out: a copy of state is none the better for it. Of several events of a resource
    in one batch only the newest is handed on.
    EACH takes it: journals, counters, transitions. What arrives in order is taken in order; an
    event that failed comes later, after younger ones of its resource, and after a restart events
    of several consumers may overtake one another. `sequence` tells the order.
    """

    LATEST = auto()
    EACH = auto()


@dataclass(frozen=True, slots=True)
class Plan:
    """A subscription as it was declared."""

    patterns: tuple[str, ...]
    order: Order
    batch: int
    inbox: bool


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery and the event in it."""

    delivery: Delivery
    event: Event


class Reactions:
    """The worker of a subscription: `react(tx, event)`, or `react(tx, events)` for batches."""

    def __init__(
        self, plan: Plan, service: str, method: str, react: Callable[..., None], retries: Retries
    ) -> None:
        self.queue = topology.queue_name(service, method)
        self.batch = plan.batch
        self._plan, self._service, self._react, self._retries = plan, service, react, retries
        queue = topology.subscription(service, method, plan.patterns)
        self.declared: Iterable[topology.Exchange | topology.Queue] = [
            topology.EVENTS,
            topology.dead_letters(service),
            *topology.retries(service, retries.tiers),
            queue,
        ]
        types = [*_known_types(plan.patterns), UNKNOWN]
        metrics.expect(metrics.EVENT_HANDLED, [self.queue], types, metrics.EVENT_OUTCOMES)
        for letters in (metrics.DLQ_MESSAGES, metrics.DLQ_OLDEST_AGE, metrics.PARKING_MESSAGES):
            metrics.expect(letters, [self.queue])

    def work(self, deliveries: list[Delivery]) -> None:
        """Settle each: taken, put off to a tier, or buried.

        Raises:
            Passing: the database or the broker is away; some are not settled.
        """
        received = [one for one in map(self._read, deliveries) if one is not None]
        if received:
            self._take(received)

    def _read(self, delivery: Delivery) -> Received | None:
        try:
            return Received(delivery, from_cloudevent(delivery.body))
        except Exception as error:  # bytes of strangers: whatever they cause, they are kept
            log.error("event not readable", queue=self.queue, exc_info=error)
            self._count(UNKNOWN, self._give_away(delivery, Undecodable()))
            return None

    def _take(self, received: Sequence[Received]) -> None:
        """All in one transaction; where that fails one by one, so that only the bad one waits."""
        try:
            taken = self._effect([one.event for one in received])
        except Exception as error:
            _raise_if_passing(error)
            if len(received) > 1:
                log.warning("batch failed", queue=self.queue, count=len(received), exc_info=error)
                for one in received:
                    self._take([one])
            else:
                self._failed(received[0], error)
            return
        acknowledge_all([one.delivery for one in received])
        self._tell(received, taken)

    def _effect(self, events: Sequence[Event]) -> set[str]:
        """The ids of those that took effect; the others had before, or are too old."""
        first, begun = events[0], perf_counter()
        with self._spans(events) as context:
            taken = self._until_no_conflict(self._call(first, context), events)
        kind = _label(first.type) if len({event.type for event in events}) == 1 else "mixed"
        duration, place = perf_counter() - begun, (self.queue, kind)
        metrics.observe(metrics.EVENT_HANDLER_SECONDS, place, duration, context)
        return taken

    @contextmanager
    def _spans(self, events: Sequence[Event]) -> Iterator[str]:
        """A span in the trace of each event; gives the context of the first one's."""
        name = f"react {self.queue}"
        others = [begin_span(name, **_place(event)) for event in events[1:] if _is_traced(event)]
        error: BaseException | None = None
        try:
            with span(name, **_place(events[0])) as context:
                yield context
        except BaseException as raised:
            error = raised
            raise
        finally:
            for other in others:
                other.end(error)

    def _until_no_conflict(self, call: Call, events: Sequence[Event]) -> set[str]:
        for _ in range(CONFLICTS):
            try:
                return as_call(call, self._in_transaction, events)
            except Conflict:
                continue
        return as_call(call, self._in_transaction, events)

    def _in_transaction(self, tx: Transaction, events: Sequence[Event]) -> set[str]:
        new = inbox.take(tx, self.queue, events) if self._plan.inbox else list(events)
        if self._plan.order is Order.LATEST and new:
            new = inbox.take_latest(tx, self.queue, new)
        if new:
            self._react(tx, new if self._plan.batch > 1 else new[0])
        return {event.id for event in new}

    def _call(self, cause: Event, context: str) -> Call:
        return Call(
            service_principal(self._service),
            request_id=cause.id,
            method=self.queue,
            correlation_id=cause.correlationid or cause.id,
            causation_id=cause.id,
            traceparent=context,
        )

    def _failed(self, received: Received, error: Exception) -> None:
        event = received.event
        with call_scope(self._call(event, event.traceparent)):
            log.error(
                "event failed",
                queue=self.queue,
                event_id=event.id,
                event_type=event.type,
                attempt=attempts_of(received.delivery.headers) + 1,
                exc_info=error,
            )
        self._count(_label(event.type), self._give_away(received.delivery, error))

    def _give_away(self, delivery: Delivery, error: Exception) -> str:
        try:
            if isinstance(error, Undecodable):
                self._retries.bury(delivery, self.queue, UNDECODABLE)
                return "dead"
            return self._retries.put_off(delivery, self.queue, error)
        except Unavailable as away:
            raise Passing(away.detail) from away

    def _tell(self, received: Sequence[Received], taken: set[str]) -> None:
        moment = now()
        for one in received:
            label = _label(one.event.type)
            if one.event.id not in taken:
                self._count(label, "duplicate")
                continue
            self._count(label, "ok")
            place, delay = (self.queue, label), (moment - one.event.time).total_seconds()
            metrics.observe(metrics.EVENT_END_TO_END_SECONDS, place, delay, one.event.traceparent)

    def _count(self, label: str, outcome: str) -> None:
        metrics.EVENT_HANDLED.labels(self.queue, label, outcome).inc()


def _is_traced(event: Event) -> bool:
    return is_traceparent(event.traceparent) and is_sampled(event.traceparent)


def _place(event: Event) -> dict[str, Any]:
    """What a span tells of an event: it holds what came soon, what came late it only follows."""
    soon = (now() - event.time).total_seconds() < SAME_TRACE
    told = {"event_id": event.id, "event_type": event.type}
    trace = {"traceparent" if soon else "follows": event.traceparent}
    return {"kind": "consumer", "attributes": told, **trace}


def _label(event_type: str) -> str:
    """The type, if it is one of the catalogue: a label's values are a closed set."""
    known = _TYPE.fullmatch(event_type) and message_of(event_type) is not None
    return event_type if known else UNKNOWN


def _known_types(patterns: Sequence[str]) -> list[str]:
    known = [event_type for service in services() for event_type in announced(service)]
    return [one for one in known if any(topology.matches(pattern, one) for pattern in patterns)]


def _raise_if_passing(error: Exception) -> None:
    """Do nothing when the event or the reaction is at fault.

    Raises:
        Passing: the error is the database's, and the next try may go well.
    """
    labelled: Callable[[str], Any] = getattr(error, "has_error_label", lambda _label: False)
    again = labelled("TransientTransactionError") or labelled("UnknownTransactionCommitResult")
    if isinstance(error, Passing):
        raise error
    if again or refusal_of(error) is not None:
        raise Passing(type(error).__name__) from error
