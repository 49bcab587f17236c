"""What is stored of an event: its row of the log, and when it was archived."""

from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.collection import Collection

JOURNAL = "journal"
INDEXES = (
    # A customer's timeline, newest first.
    IndexModel([("customers", ASCENDING), ("time", DESCENDING), ("_id", DESCENDING)]),
    # What has arrived about a customer of late.
    IndexModel([("customers", ASCENDING), ("archived", ASCENDING)]),
    # What became of one resource.
    IndexModel([("subject", ASCENDING), ("sequence", ASCENDING)]),
    # What the ledger compares with a source.
    IndexModel([("source", ASCENDING), ("time", ASCENDING), ("_id", ASCENDING)]),
    IndexModel([("time", ASCENDING)]),
    # What indicators follow from.
    IndexModel([("type", ASCENDING), ("time", ASCENDING)]),
)


def journal() -> "Collection[dict[str, Any]]":
    """The collection; `_id` is the event's id, so that nothing is in it twice."""
    return database()[JOURNAL]
