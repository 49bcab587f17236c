"""What sales listens to: how customers are called."""

from collections.abc import Sequence

from crm_chassis.consuming.subscribe import LATEST, subscribe
from crm_chassis.events.envelope import Event
from crm_chassis.resources.customer_names import keep_names
from crm_chassis.resources.transaction import Transaction
from crm_sales.deals.documents import Deal


class Consumer:
    """Keeps the copies of names that deals show."""

    name = "sales"

    @subscribe("crm.contacts.contact.*.v1", order=LATEST, batch=100)
    def contacts_changed(self, tx: Transaction, events: Sequence[Event]) -> None:
        keep_names(tx, events, Deal)

    @subscribe("crm.contacts.organization.*.v1", order=LATEST, batch=100)
    def organizations_changed(self, tx: Transaction, events: Sequence[Event]) -> None:
        keep_names(tx, events, Deal)
