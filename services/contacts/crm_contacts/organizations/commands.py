"""Changes to organizations. Each runs in one transaction and announces what it did."""

from collections.abc import Sequence

from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction
from crm_contacts.organizations.documents import Organization
from crm_contacts.organizations.queries import ancestors_of
from crm_contacts.organizations.rules import refuse_own_ancestor, tidy_domains


def create_organization(tx: Transaction, organization: Organization) -> Organization:
    """Store a new organization.

    Raises:
        Exists: another one has one of its external ids.
    """
    organization.domains = tidy_domains(organization.domains)
    return tx.insert(organization)


def update_organization(
    tx: Transaction, changes: Organization, paths: Sequence[str], etag: str
) -> Organization:
    """Take over from `changes` the fields that `paths` name.

    Raises:
        NotFound, Stale, Invalid: as in `move_organization`.
    """
    organization = tx.load(Organization, changes.name, expecting=etag)
    take_over(changes, organization, paths)
    organization.domains = tidy_domains(organization.domains)
    _hold_ancestors(tx, organization.name, organization.parent)
    return tx.update(organization)


def move_organization(tx: Transaction, name: str, parent: str | None, etag: str) -> Organization:
    """Put an organization under another one, or at the top.

    Raises:
        NotFound: there is no such organization.
        Stale: an `etag` is given, and it has changed since.
        Invalid: it would belong to itself.
    """
    organization = tx.load(Organization, name, expecting=etag)
    _hold_ancestors(tx, name, parent)
    organization.parent = parent
    return tx.update(organization, "moved")


def delete_organization(tx: Transaction, name: str, etag: str) -> Organization:
    """Take an organization away; what names it keeps doing so.

    Raises:
        NotFound, Stale: as in `move_organization`.
    """
    return tx.delete(tx.load(Organization, name, expecting=etag))


def undelete_organization(tx: Transaction, name: str, etag: str) -> Organization:
    """Bring an organization back.

    Raises:
        NotFound, Stale: as in `move_organization`.
        NotAllowed: it was not taken away.
        Exists: one of its external ids is another one's by now.
    """
    return tx.undelete(tx.load_deleted(Organization, name, expecting=etag))


def _hold_ancestors(tx: Transaction, name: str, parent: str | None) -> None:
    refuse_own_ancestor(name, tx.hold(Organization, ancestors_of(parent)))
