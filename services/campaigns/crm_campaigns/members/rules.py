"""Decisions about members: plain values in, plain values out."""

from uuid import UUID, uuid5

_MEMBERS = UUID("0190b0c4-6d65-7062-8572-73006f66006f")


def member_id(audience: str, contact: str) -> str:
    """The id of a contact's membership: an audience has one of each, however often it is added."""
    return str(uuid5(_MEMBERS, f"{audience} {contact}"))
