"""Reads of organizations."""

from crm_chassis.kernel.ids import id_of
from crm_contacts.organizations.documents import Organization


def ancestors_of(parent: str | None) -> list[str]:
    """The names from `parent` up to the top."""
    names: list[str] = []
    while parent and parent not in names:
        names.append(parent)
        row = Organization.objects(id=id_of(parent)).only("parent").as_pymongo().first()
        parent = row.get("parent") if row else None
    return names
