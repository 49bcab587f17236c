"""What contacts listens to: what people bought, and what they want no more."""

from crm_chassis.consuming.subscribe import EACH, subscribe
from crm_chassis.events.envelope import Event
from crm_chassis.resources.transaction import Transaction
from crm_contacts.consents.reactions import withdraw_unsubscribed
from crm_contacts.contacts.reactions import make_customers


class Consumer:
    """Learns of customers from what other services do with them."""

    name = "contacts"

    @subscribe("crm.sales.deal.won.v1", order=EACH)
    def deals_won(self, tx: Transaction, event: Event) -> None:
        make_customers(tx, event)

    @subscribe("crm.campaigns.delivery.unsubscribed.v1", order=EACH)
    def deliveries_unsubscribed(self, tx: Transaction, event: Event) -> None:
        withdraw_unsubscribed(tx, event)
