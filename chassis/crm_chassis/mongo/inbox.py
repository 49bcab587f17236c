"""What a subscription has taken: rows in the transaction of the effect, so that there is one."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from crm_chassis.events.envelope import Event
from crm_chassis.mongo.claiming import Change
from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.collection import Collection as Rows

# So long a subscription remembers what it has taken.
MEMORY = timedelta(days=30)


def take(tx: Change, subscription: str, events: Sequence[Event]) -> list[Event]:
    """Those of the events that the subscription takes for the first time; from now on it has."""
    by_key = {f"{subscription} {event.id}": event for event in events}
    known = _rows("inbox").find({"_id": {"$in": list(by_key)}}, {"_id": 1}, session=tx.session)
    for row in known:
        del by_key[row["_id"]]
    if by_key:
        rows = [{"_id": key, "time": tx.now} for key in by_key]
        _rows("inbox").insert_many(rows, ordered=False, session=tx.session)
    return list(by_key.values())


def take_latest(tx: Change, subscription: str, events: Sequence[Event]) -> list[Event]:
    """Of each resource the newest event, where it is newer than all that were taken before."""
    newest = {event.subject: event for event in sorted(events, key=lambda one: one.sequence)}
    by_key = {f"{subscription} {subject}": event for subject, event in newest.items()}
    for row in _rows("sequences").find({"_id": {"$in": list(by_key)}}, session=tx.session):
        if row["sequence"] >= by_key[row["_id"]].sequence:
            del by_key[row["_id"]]
    if by_key:
        changes = [
            UpdateOne({"_id": key}, {"$set": {"sequence": event.sequence}}, upsert=True)
            for key, event in by_key.items()
        ]
        _rows("sequences").bulk_write(changes, ordered=False, session=tx.session)
    taken = {event.id for event in by_key.values()}
    return [event for event in events if event.id in taken]


def _rows(name: str) -> "Rows[dict[str, Any]]":
    return database()[name]
