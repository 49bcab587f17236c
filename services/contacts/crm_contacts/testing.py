"""Contacts and what belongs to them, stored with sensible values."""

from typing import Any

from crm_chassis.resources.transaction import in_transaction
from crm_contacts.consents.commands import create_consent
from crm_contacts.consents.documents import Consent
from crm_contacts.contacts.commands import create_contact
from crm_contacts.contacts.documents import Contact
from crm_contacts.interactions.commands import create_interaction
from crm_contacts.interactions.documents import Interaction
from crm_contacts.organizations.commands import create_organization
from crm_contacts.organizations.documents import Organization


def a_contact(**fields: Any) -> Contact:
    values = {"given_name": "Ann", "family_name": "Miller", **fields}
    return in_transaction(create_contact, Contact(**values))


def an_organization(**fields: Any) -> Organization:
    values = {"display_name": "Acme", **fields}
    return in_transaction(create_organization, Organization(**values))


def an_interaction(contact: Contact, **fields: Any) -> Interaction:
    values = {"channel": "PHONE", "direction": "INBOUND", "subject": "Hello", **fields}
    return in_transaction(create_interaction, contact.name, Interaction(**values))


def a_consent(contact: Contact, **fields: Any) -> Consent:
    values = {"purpose": "newsletter", "channel": "EMAIL", "state": "GRANTED", **fields}
    return in_transaction(create_consent, contact.name, Consent(**values))
