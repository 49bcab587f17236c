"""What campaigns listens to: contacts, and what they consent to."""

from collections.abc import Sequence

from crm_campaigns.members.documents import Member
from crm_campaigns.recipients.reactions import keep_recipients, keep_what_was_said
from crm_chassis.consuming.subscribe import LATEST, subscribe
from crm_chassis.events.envelope import Event
from crm_chassis.resources.customer_names import keep_names
from crm_chassis.resources.transaction import Transaction


class Consumer:
    """Keeps the copies that mails are written from, and that decide who gets one."""

    name = "campaigns"

    @subscribe("crm.contacts.contact.*.v1", order=LATEST, batch=100)
    def contacts_changed(self, tx: Transaction, events: Sequence[Event]) -> None:
        keep_names(tx, events, Member)
        keep_recipients(tx, events)

    @subscribe("crm.contacts.consent.*.v1", order=LATEST, batch=100)
    def consents_given(self, tx: Transaction, events: Sequence[Event]) -> None:
        keep_what_was_said(tx, events)
