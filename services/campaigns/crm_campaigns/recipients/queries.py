"""Reads of recipients."""

from collections.abc import Sequence

from crm_campaigns.recipients.documents import recipients, said
from crm_campaigns.recipients.rules import EMAIL, Recipient, consent_key


def find_recipients(contacts: Sequence[str], purpose: str) -> dict[str, Recipient]:
    """What is known of each of the contacts, and of its consent to mail for a purpose."""
    keys = {consent_key(contact, purpose, EMAIL): contact for contact in contacts}
    states = {keys[row["_id"]]: row["state"] for row in said().find({"_id": {"$in": list(keys)}})}
    rows = {row["_id"]: row for row in recipients().find({"_id": {"$in": list(contacts)}})}
    return {
        name: Recipient(
            name,
            data=rows[name]["data"] if name in rows else {},
            deleted=name in rows and rows[name]["deleted"],
            consent=states.get(name, ""),
        )
        for name in contacts
    }
