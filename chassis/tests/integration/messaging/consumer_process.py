"""A consumer process for tests: each subscription keeps in rows what reached it."""

from crm_chassis.consuming.patching import patch

patch()

import os  # noqa: E402 - the patch comes first
import signal  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

from crm_chassis.consuming.runner import run  # noqa: E402
from crm_chassis.consuming.subscribe import EACH, LATEST, subscribe  # noqa: E402
from crm_chassis.events import topology  # noqa: E402
from crm_chassis.events.envelope import Event  # noqa: E402
from crm_chassis.mongo.connection import database  # noqa: E402
from crm_chassis.resources.transaction import Transaction  # noqa: E402
from crm_chassis.settings import ServiceSettings  # noqa: E402
from crm_chassis.telemetry.context import current_call  # noqa: E402


def keep(tx: Transaction, event: Event, batch: int = 1) -> None:
    """Keep the event in a row; fail while there is an obstacle, wait or die where it says so."""
    if database()["obstacles"].find_one({"_id": event.id}):
        raise ValueError("words that may quote somebody@example.com")
    time.sleep(event.data.get("slow", 0))
    if event.data.get("deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    row = {
        "event": event.id,
        "subject": event.subject,
        "sequence": event.sequence,
        "batch": batch,
        "principal": tx.call.principal.name,
        "causation_id": current_call().causation_id,
        "correlation_id": current_call().correlation_id,
        "traceparent": current_call().traceparent,
    }
    database()["effects"].insert_one(row, session=tx.session)


class Single:
    """One by one, whatever the order."""

    @subscribe("crm.contacts.#", order=EACH)
    def contacts_changed(self, tx: Transaction, event: Event) -> None:
        keep(tx, event)


class Latest:
    """Batches of what is newest."""

    @subscribe("crm.contacts.contact.*.v1", "crm.contacts.organization.*.v1", batch=10)
    def contacts_changed(self, tx: Transaction, events: list[Event]) -> None:
        for event in events:
            keep(tx, event, len(events))


class Batches:
    """Batches of all."""

    @subscribe("crm.#", order=EACH, batch=20)
    def contacts_changed(self, tx: Transaction, events: list[Event]) -> None:
        for event in events:
            keep(tx, event, len(events))


class Resources:
    """What needs the resource itself, which an unknown type does not have."""

    @subscribe("crm.#", order=LATEST)
    def contacts_changed(self, tx: Transaction, event: Event) -> None:
        assert event.resource is not None
        keep(tx, event)


class Journal:
    """Rows that are their own inbox."""

    @subscribe("crm.#", order=EACH, batch=50, inbox=False)
    def journal(self, tx: Transaction, events: list[Event]) -> None:
        time.sleep(max(event.data.get("slow", 0) for event in events))
        rows = database()["journal"]
        known = rows.find({"_id": {"$in": [event.id for event in events]}}, session=tx.session)
        there = {row["_id"] for row in known}
        new = [event.to_row() for event in events if event.id not in there]
        if new:
            rows.insert_many(new, session=tx.session)


CONSUMERS = {one.__name__: one for one in (Single, Latest, Batches, Resources, Journal)}


def main() -> None:
    service, kind, mongodb_uri, name, rabbitmq_uri, address, tiers, limit = sys.argv[1:]
    topology.DELIVERY_LIMIT = int(limit)

    class Settings(ServiceSettings, service=service):
        pass

    consumer = type("Consumer", (CONSUMERS[kind],), {"name": service})
    settings = Settings(
        mongodb_uri=mongodb_uri,
        mongodb_database=name,
        rabbitmq_uri=rabbitmq_uri,
        metrics_address=address,
        retry_seconds=tiers,
    )
    run(settings, consumer)
    assert "grpc" not in sys.modules


if __name__ == "__main__":
    main()
