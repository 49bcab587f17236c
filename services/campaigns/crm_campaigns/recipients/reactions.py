"""What is kept when contacts change, and when they consent."""

from collections.abc import Sequence

from crm_campaigns.recipients.commands import keep_consents, keep_contacts
from crm_chassis.events.envelope import Event
from crm_chassis.resources.transaction import Transaction


def keep_recipients(tx: Transaction, changes: Sequence[Event]) -> None:
    """Mails are written from what contacts tell of themselves: keep that copy fresh."""
    keep_contacts([(change.data, change.sequence) for change in changes], tx.session)


def keep_what_was_said(tx: Transaction, consents: Sequence[Event]) -> None:
    """Mail goes only to those who consented: keep what each said last."""
    keep_consents([consent.data for consent in consents], tx.session)
