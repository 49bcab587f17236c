"""What analytics listens to: everything."""

from collections.abc import Sequence

from crm_analytics.journal.reactions import take_up
from crm_chassis.consuming.subscribe import EACH, subscribe
from crm_chassis.events.envelope import Event
from crm_chassis.resources.transaction import Transaction


class Consumer:
    """Takes every event of every service. The journal is the inbox."""

    name = "analytics"

    @subscribe("crm.#", order=EACH, batch=100, inbox=False)
    def anything_happened(self, tx: Transaction, events: Sequence[Event]) -> None:
        take_up(tx, events)
