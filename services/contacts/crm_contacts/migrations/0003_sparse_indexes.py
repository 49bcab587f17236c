"""Rows without a team, an employer, a domain or a parent have no entry in the index of it."""

from typing import TYPE_CHECKING, Any

from crm_contacts.contacts.documents import Contact
from crm_contacts.organizations.documents import Organization

if TYPE_CHECKING:
    from pymongo.database import Database

_MENDED = {
    Contact: ("teams_1", "positions.organization_1"),
    Organization: ("teams_1", "domains_1", "parent_1"),
}


def up(database: "Database[dict[str, Any]]") -> None:
    """Make the indexes anew."""
    for document, names in _MENDED.items():
        rows = database[document.rows().name]
        present = rows.index_information()
        for name in names:
            if name in present and not present[name].get("sparse"):
                rows.drop_index(name)
        document.ensure_indexes()
