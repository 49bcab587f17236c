"""Decisions about recipients: plain values in, plain values out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EMAIL, GRANTED, WITHDRAWN = "EMAIL", "GRANTED", "WITHDRAWN"
DELETED, NO_ADDRESS, NO_CONSENT = "DELETED", "NO_ADDRESS", "NO_CONSENT"


@dataclass(frozen=True, slots=True)
class Recipient:
    """What is known of a contact that mail is to go to.

    `data` is the contact as REST shows it, `consent` what was said last to the purpose of the mail;
    both are empty where nothing is known.
    """

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)
    deleted: bool = False
    consent: str = ""

    @property
    def address(self) -> str:
        """The address that mail goes to; empty where there is none."""
        return address_of(self.data.get("emails") or ())

    @property
    def obstacle(self) -> str:
        """Why no mail may go there; empty when it may."""
        if self.deleted or not self.data:
            return DELETED
        if not self.address:
            return NO_ADDRESS
        return "" if self.consent == GRANTED else NO_CONSENT


def address_of(emails: Sequence[Mapping[str, Any]]) -> str:
    """The primary address of a contact, the first one where none is that."""
    chosen = next((email for email in emails if email.get("primary")), None)
    chosen = chosen or next(iter(emails), {})
    return str(chosen.get("address", ""))


def consent_key(contact: str, purpose: str, channel: str) -> str:
    """What there is one row of: what a contact said last to a purpose on a channel."""
    return f"{contact} {purpose} {channel}"
