"""Changes to consents: they are only ever added. Each runs in one transaction."""

from datetime import datetime

from crm_chassis.resources.transaction import Transaction
from crm_contacts.consents.documents import Consent
from crm_contacts.consents.queries import in_force_times
from crm_contacts.consents.rules import is_newest, refuse_future_capture
from crm_contacts.contacts.documents import Contact


def create_consent(tx: Transaction, contact: str, consent: Consent) -> Consent:
    """Store what a person said; now, when no time is told. The newest for its purpose and channel
    is in force from here on.

    Raises:
        NotFound: there is no such contact.
        Invalid: it was captured in the future.
    """
    return _add(tx, tx.see(Contact, contact).name, consent)


def withdraw_consent(tx: Transaction, contact: str, purpose: str, moment: datetime) -> Consent:
    """Store that a person wants no more mail for a purpose; whatever became of the contact."""
    said = {"channel": "EMAIL", "state": "WITHDRAWN", "source": "unsubscribe"}
    return _add(tx, contact, Consent(purpose=purpose, capture_time=moment, **said))


def _add(tx: Transaction, contact: str, consent: Consent) -> Consent:
    consent.container = contact
    tx.hold(Contact, [contact])
    consent.capture_time = consent.capture_time or tx.now
    refuse_future_capture(consent.capture_time, tx.now)
    others = in_force_times(contact, consent.purpose, consent.channel)
    consent.in_force = is_newest(consent.capture_time, others)
    if consent.in_force:
        same = {"purpose": consent.purpose, "channel": consent.channel, "in_force": True}
        tx.derive(Consent, {"container": contact, **same}, in_force=False)
    return tx.insert(consent)
