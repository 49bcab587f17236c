"""Dead-letter queues into rows, and rows that somebody wants sent again back to their queues."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from nameko.extensions import register_entrypoint
from nameko.timer import Timer

from crm_chassis.consuming.broker import NO_QUEUE, Confirming
from crm_chassis.consuming.deliveries import Delivery, storable
from crm_chassis.consuming.intake import Intake, Passing
from crm_chassis.consuming.retry import (
    FIRST_FAILED,
    LAST_FAILED,
    QUEUE,
    REASON,
    attempts_of,
)
from crm_chassis.events import topology
from crm_chassis.events.envelope import Event, from_cloudevent
from crm_chassis.kernel.clock import now, parse_rfc3339, rfc3339
from crm_chassis.kernel.errors import Unavailable
from crm_chassis.mongo import dead_letters
from crm_chassis.mongo.dead_letters import Letter, State
from crm_chassis.mongo.failures import refusal_of
from crm_chassis.telemetry import metrics
from crm_chassis.telemetry.logging import logger

RESEND_EVERY = 1.0
MEASURE_EVERY = 10.0
log = logger(__name__)


class Drain:
    """The worker of a service's dead-letter queue."""

    batch = 1

    def __init__(self, service: str) -> None:
        self.queue = topology.dead_letter_name(service)
        self.declared: Iterable[topology.Exchange | topology.Queue] = [
            topology.dead_letters(service)
        ]
        self._service = service

    def work(self, deliveries: list[Delivery]) -> None:
        """Store each as a row.

        Raises:
            Passing: the database is away.
        """
        for delivery in deliveries:
            letter = letter_of(self._service, delivery)
            try:
                dead_letters.store(letter)
            except Exception as error:
                # Where else could it go: it stays in its queue until it can be stored.
                log.error("dead letter not stored", queue=letter.queue, exc_info=error)
                raise Passing(type(error).__name__) from error
            log.error("dead letter", queue=letter.queue, reason=letter.reason)
            delivery.acknowledge()


def letter_of(service: str, delivery: Delivery) -> Letter:
    """What a message of the dead-letter queue tells: by our headers, or by the broker's own."""
    headers = delivery.headers
    death = _death(headers)
    event = _event_in(delivery.body)
    last = _moment(headers.get(LAST_FAILED)) or _moment(death.get("time")) or now()
    key = event.id if event else f"{headers.get(FIRST_FAILED)} {sha256(delivery.body).hexdigest()}"
    return Letter(
        service=service,
        queue=storable(headers.get(QUEUE) or death.get("queue", "")),
        key=key,
        reason=storable(headers.get(REASON) or str(death.get("reason", "unknown")).upper()),
        first_time=_moment(headers.get(FIRST_FAILED)) or last,
        last_time=last,
        attempts=attempts_of(headers) if QUEUE in headers else topology.DELIVERY_LIMIT + 1,
        body=delivery.body,
        properties=delivery.texts,
        type=event.type if event else "",
        customers=event.customers if event else (),
    )


def resend(broker: Confirming) -> None:
    """Send those again that somebody asked for; their attempts count from the start.

    When it first failed goes along: by that one that nobody can read is known again. One whose
    queue is not there is a dead letter again.
    """
    for row in dead_letters.letters_to_resend():
        known = {FIRST_FAILED: rfc3339(row["first_time"])}
        try:
            broker.publish(topology.DIRECTLY, row["queue"], row["body"], row["properties"], known)
        except Unavailable as error:
            log.warning("not sent again", queue=row["queue"], reason=error.detail)
            if error.reason == NO_QUEUE:
                dead_letters.mark_returned(row["_id"], NO_QUEUE)
            continue
        dead_letters.mark_resent(row)
        log.info("sent again", queue=row["queue"])


def measure(seen: set[str]) -> None:
    """Tell how many wait for somebody; `seen` are the queues told of before."""
    moment = now()
    told = {queue: {State.DEAD: (0, moment), State.PARKED: (0, moment)} for queue in seen}
    for queue, state, count, oldest in dead_letters.waiting():
        told.setdefault(queue, {})[state] = (count, oldest)
    for queue, states in told.items():
        seen.add(queue)
        dead, oldest = states.get(State.DEAD, (0, moment))
        metrics.DLQ_MESSAGES.labels(queue).set(dead)
        metrics.DLQ_OLDEST_AGE.labels(queue).set((moment - oldest).total_seconds())
        metrics.PARKING_MESSAGES.labels(queue).set(states.get(State.PARKED, (0, moment))[0])


def drain_of(service: str, broker: Confirming) -> type:
    """The nameko service that runs beside a service's consumer and keeps its dead letters."""
    told_of: set[str] = set()

    class DeadLetters:
        name = f"{service}-dead-letters"

        def keep(self) -> None:
            """The intake's worker does it."""

        def resend(self) -> None:
            _unless_away(lambda: resend(broker))

        def measure(self) -> None:
            _unless_away(lambda: measure(told_of))

    register_entrypoint(DeadLetters.resend, Timer(RESEND_EVERY))
    register_entrypoint(DeadLetters.measure, Timer(MEASURE_EVERY, eager=True))
    register_entrypoint(DeadLetters.keep, Intake(lambda _container, _method: Drain(service)))
    return DeadLetters


def _unless_away(work: Callable[[], None]) -> None:
    """Do it, unless the database is away: then it is done the next time."""
    try:
        work()
    except Exception as error:
        if refusal_of(error) is None:
            raise
        log.warning("dead letters wait", exc_info=error)


def _event_in(body: bytes) -> Event | None:
    try:
        return from_cloudevent(body)
    except Exception:  # noqa: BLE001 - bytes of strangers: whatever they cause, they are kept
        return None


def _death(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The broker's own note on why it gave a message up; empty when it has made none."""
    deaths = headers.get("x-death")
    newest = deaths[0] if isinstance(deaths, list) and deaths else {}
    return newest if isinstance(newest, dict) else {}


def _moment(told: Any) -> datetime | None:
    """The moment that a header tells, as text or in AMQP's own kind of time."""
    if isinstance(told, datetime):
        return told if told.tzinfo else told.replace(tzinfo=UTC)
    try:
        return parse_rfc3339(told) if isinstance(told, str) else None
    except ValueError:
        return None
