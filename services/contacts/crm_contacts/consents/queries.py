"""Reads of consents."""

from datetime import datetime

from crm_contacts.consents.documents import Consent


def in_force_times(contact: str, purpose: str, channel: str) -> list[datetime]:
    """When what is in force for a purpose and channel was said: one time, or none."""
    rows = Consent.objects(container=contact, purpose=purpose, channel=channel, in_force=True)
    return [row["capture_time"] for row in rows.only("capture_time").as_pymongo()]
