"""Changes to contacts. Each runs in one transaction and announces what it did."""

from collections.abc import Sequence
from typing import Any

from crm_chassis.kernel.errors import NotFound
from crm_chassis.resources.document import take_over
from crm_chassis.resources.transaction import Transaction
from crm_contacts.contact_points.rules import refuse_two_primaries, tidy_address
from crm_contacts.contacts.documents import Contact
from crm_contacts.contacts.rules import (
    CUSTOMER,
    comes_before_customer,
    display_name_of,
    refuse_backward_span,
)


def create_contact(tx: Transaction, contact: Contact) -> Contact:
    """Store a new contact.

    Raises:
        Invalid: it has no name, address or number, or breaks another rule.
        Exists: another one has one of its external ids.
    """
    _settle(contact)
    return tx.insert(contact)


def update_contact(tx: Transaction, changes: Contact, paths: Sequence[str], etag: str) -> Contact:
    """Take over from `changes` the fields that `paths` name.

    Raises:
        NotFound: there is no such contact.
        Stale: an `etag` is given, and it has changed since.
        Invalid, Exists: as in `create_contact`.
    """
    contact = tx.load(Contact, changes.name, expecting=etag)
    take_over(changes, contact, paths)
    _settle(contact)
    return tx.update(contact)


def delete_contact(tx: Transaction, name: str, etag: str) -> Contact:
    """Take a contact away, and with it what stands below it.

    Raises:
        NotFound, Stale: as in `update_contact`.
    """
    return tx.delete(tx.load(Contact, name, expecting=etag))


def undelete_contact(tx: Transaction, name: str, etag: str) -> Contact:
    """Bring a contact back.

    Raises:
        NotFound, Stale: as in `update_contact`.
        NotAllowed: it was not taken away.
        Exists: one of its external ids is another one's by now.
    """
    return tx.undelete(tx.load_deleted(Contact, name, expecting=etag))


def become_customer(tx: Transaction, name: str) -> None:
    """Let a person who has bought be a customer; one who was deleted, or is that, stays as is."""
    try:
        contact = tx.load(Contact, name)
    except NotFound:
        return
    if comes_before_customer(contact.lifecycle_stage):
        contact.lifecycle_stage = CUSTOMER
        tx.update(contact)


def settle_row(row: dict[str, Any]) -> None:
    """The same for the row of a contact that is to be stored with many others.

    Raises:
        Invalid: as in `create_contact`.
    """
    for email in row.get("emails", ()):
        email["address"] = tidy_address(email["address"])
    for field in ("emails", "phones", "addresses", "positions"):
        if field in row:
            refuse_two_primaries(field, [point.get("primary") is True for point in row[field]])
    for index, position in enumerate(row.get("positions", ())):
        field = f"positions[{index}].end_date"
        refuse_backward_span(field, position.get("start_date"), position.get("end_date"))
    row["display_name"] = display_name_of(
        row.get("given_name"),
        row.get("family_name"),
        [email["address"] for email in row.get("emails", ())],
        [phone["number"] for phone in row.get("phones", ())],
    )


def _settle(contact: Contact) -> None:
    """Bring the values into the form they are kept in, and refuse what cannot be."""
    emails, phones, positions = contact.emails, contact.phones, contact.positions
    for email in emails:
        email.address = tidy_address(email.address)
    lists: tuple[tuple[str, Sequence[Any]], ...] = (
        ("emails", emails),
        ("phones", phones),
        ("addresses", contact.addresses),
        ("positions", positions),
    )
    for field, items in lists:
        refuse_two_primaries(field, [item.primary is True for item in items])
    for index, position in enumerate(positions):
        field = f"positions[{index}].end_date"
        refuse_backward_span(field, position.start_date, position.end_date)
    contact.display_name = display_name_of(
        contact.given_name,
        contact.family_name,
        [email.address for email in emails],
        [phone.number for phone in phones],
    )
