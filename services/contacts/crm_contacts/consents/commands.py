"""Changes to consents: they are only ever added. Each runs in one transaction."""

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
    consent.container = tx.see(Contact, contact).name
    tx.hold(Contact, [consent.container])
    consent.capture_time = consent.capture_time or tx.now
    refuse_future_capture(consent.capture_time, tx.now)
    others = in_force_times(consent.container, consent.purpose, consent.channel)
    consent.in_force = is_newest(consent.capture_time, others)
    if consent.in_force:
        same = {"purpose": consent.purpose, "channel": consent.channel, "in_force": True}
        tx.derive(Consent, {"container": consent.container, **same}, in_force=False)
    return tx.insert(consent)
