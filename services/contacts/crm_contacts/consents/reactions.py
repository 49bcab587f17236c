"""What becomes of consents when people act on what they were sent."""

from crm_chassis.events.envelope import Event
from crm_chassis.kernel.clock import parse_rfc3339
from crm_chassis.resources.transaction import Transaction
from crm_contacts.consents.commands import withdraw_consent


def withdraw_unsubscribed(tx: Transaction, event: Event) -> None:
    """Who has unsubscribed wants no more mail for the campaign's purpose."""
    told = event.data
    moment = parse_rfc3339(told["unsubscribeTime"])
    withdraw_consent(tx, told["contact"], told["purpose"], moment)
