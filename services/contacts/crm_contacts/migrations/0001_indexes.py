"""The collections and indexes that the service starts with."""

from typing import TYPE_CHECKING, Any

from crm_chassis.mongo import indexes
from crm_contacts.consents.documents import Consent
from crm_contacts.contacts.documents import Contact
from crm_contacts.imports.documents import create_indexes
from crm_contacts.interactions.documents import Interaction
from crm_contacts.organizations.documents import Organization

if TYPE_CHECKING:
    from pymongo.database import Database


def up(database: "Database[dict[str, Any]]") -> None:
    """Make what is missing."""
    indexes.create(database)
    for document in (Contact, Organization, Interaction, Consent):
        document.ensure_indexes()
    create_indexes(database)
