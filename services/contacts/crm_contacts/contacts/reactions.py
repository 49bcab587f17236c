"""What becomes of contacts when deals are won."""

from crm_chassis.events.envelope import Event
from crm_chassis.resources.transaction import Transaction
from crm_contacts.contacts.commands import become_customer


def make_customers(tx: Transaction, event: Event) -> None:
    """Whoever had a say in a deal that was won is a customer from now on."""
    for participant in event.data.get("contacts", []):
        become_customer(tx, participant["contact"])
