"""What analytics listens to: everything."""

from collections.abc import Sequence

from crm_analytics.journal.reactions import take_up
from crm_analytics.metrics import JOURNAL_LAG
from crm_chassis.consuming.subscribe import EACH, subscribe
from crm_chassis.events.envelope import Event
from crm_chassis.mongo.migrations import require_schema
from crm_chassis.resources.transaction import Transaction

CHECKS = {"schema": lambda: require_schema("crm_analytics.migrations")}


class Consumer:
    """Takes every event of every service. The journal is the inbox."""

    name = "analytics"

    @subscribe("crm.#", order=EACH, batch=100, inbox=False)
    def anything_happened(self, tx: Transaction, events: Sequence[Event]) -> None:
        take_up(tx, events)
        oldest = min(event.time for event in events)
        JOURNAL_LAG.set((tx.now - oldest).total_seconds())
