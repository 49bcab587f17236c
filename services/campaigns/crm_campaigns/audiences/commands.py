"""Changes to audiences. Each runs in one transaction and announces what it did."""

from collections.abc import Sequence

from crm_campaigns.audiences.documents import Audience
from crm_campaigns.members.commands import add_members, remove_members
from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction


def create_audience(tx: Transaction, audience: Audience) -> Audience:
    """Store a new audience; nobody is in it."""
    audience.member_count = 0
    return tx.insert(audience)


def update_audience(
    tx: Transaction, changes: Audience, paths: Sequence[str], etag: str
) -> Audience:
    """Take over from `changes` the fields that `paths` name.

    Raises:
        NotFound: there is no such audience.
        Stale: an `etag` is given, and it has changed since.
    """
    audience = tx.load(Audience, changes.name, expecting=etag)
    take_over(changes, audience, paths)
    return tx.update(audience)


def delete_audience(tx: Transaction, name: str, etag: str) -> Audience:
    """Take an audience away.

    Raises:
        NotFound, Stale: as in `update_audience`.
    """
    return tx.delete(tx.load(Audience, name, expecting=etag))


def undelete_audience(tx: Transaction, name: str, etag: str) -> Audience:
    """Bring an audience back.

    Raises:
        NotFound, Stale: as in `update_audience`.
        NotAllowed: it was not taken away.
    """
    return tx.undelete(tx.load_deleted(Audience, name, expecting=etag))


def add_contacts(tx: Transaction, name: str, contacts: Sequence[str], etag: str) -> Audience:
    """Take contacts into an audience; those that are in it already stay.

    Raises:
        NotFound, Stale: as in `update_audience`.
    """
    audience = tx.load(Audience, name, expecting=etag)
    return _counted(tx, audience, add_members(tx, name, contacts))


def remove_contacts(tx: Transaction, name: str, contacts: Sequence[str], etag: str) -> Audience:
    """Take contacts out of an audience; those that are not in it stay outside.

    Raises:
        NotFound, Stale: as in `update_audience`.
    """
    audience = tx.load(Audience, name, expecting=etag)
    return _counted(tx, audience, -remove_members(tx, name, contacts))


def _counted(tx: Transaction, audience: Audience, more: int) -> Audience:
    """The audience with so many more members than before."""
    count = (audience.member_count or 0) + more
    tx.derive(Audience, {"_id": audience.id}, member_count=count)
    audience.member_count = count
    audience.stored = {**audience.stored, "member_count": count}
    return audience
