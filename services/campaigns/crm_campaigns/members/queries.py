"""Reads of members."""

from collections.abc import Sequence
from typing import Any

from crm_campaigns.members.documents import Member
from crm_chassis.resources.transaction import Transaction

Row = dict[str, Any]


def members_of(tx: Transaction, audience: str, ids: Sequence[str]) -> list[Row]:
    """The rows of those that are, or once were, in the audience."""
    wanted = {"_id": {"$in": list(ids)}, "container": audience}
    return list(Member.rows().find(wanted, session=tx.session))


def contacts_after(tx: Transaction, audience: str, member: str, limit: int) -> list[Row]:
    """The next `limit` members of an audience after the id `member`, in the order of their ids."""
    wanted = {"container": audience, "delete_time": None, "_id": {"$gt": member}}
    found = Member.rows().find(wanted, {"contact": 1}, session=tx.session)
    return list(found.sort("_id", 1).limit(limit))
