"""Changes to members, by the verbs of their audience. Each is part of a transaction."""

from collections.abc import Sequence

from crm_campaigns.members.documents import Member
from crm_campaigns.members.queries import members_of
from crm_campaigns.members.rules import member_id
from crm_chassis.resources.bulk import update_rows
from crm_chassis.resources.transaction import Transaction


def add_members(tx: Transaction, audience: str, contacts: Sequence[str]) -> int:
    """Make contacts members; one that was removed comes back. Gives how many there are more."""
    ids = {member_id(audience, contact): contact for contact in contacts}
    names = {known.name: {known.name: known.display_name} for known in tx.known_of(contacts)}
    there = {row["_id"]: row for row in members_of(tx, audience, list(ids))}
    new = [
        {
            "_id": id_,
            "container": audience,
            "contact": contact,
            "customer_display_names": names.get(contact, {}),
        }
        for id_, contact in ids.items()
        if id_ not in there
    ]
    if new:
        tx.insert_rows(Member, [tx.prepare_row(Member, row) for row in new])
    gone = [row for row in there.values() if "delete_time" in row]
    back = [
        (row, {name: value for name, value in row.items() if name != "delete_time"}) for row in gone
    ]
    if back:
        update_rows(tx, Member, back, "undeleted")
    return len(new) + len(back)


def remove_members(tx: Transaction, audience: str, contacts: Sequence[str]) -> int:
    """Take members away. Gives how many there were."""
    rows = members_of(tx, audience, [member_id(audience, contact) for contact in contacts])
    gone = [(row, {**row, "delete_time": tx.now}) for row in rows if "delete_time" not in row]
    if gone:
        update_rows(tx, Member, gone, "deleted")
    return len(gone)
