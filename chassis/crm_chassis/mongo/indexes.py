"""The indexes of the collections that every service has."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import OperationFailure

from crm_chassis.mongo.inbox import MEMORY

if TYPE_CHECKING:
    from pymongo.database import Database

_DAY = 86_400
_EXISTS = 48  # error code of the server
_INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "events": [
        IndexModel([("subject", ASCENDING), ("sequence", DESCENDING)]),
        IndexModel([("time", ASCENDING), ("_id", ASCENDING)]),
        # What was told of a customer, and since when.
        IndexModel([("customers", ASCENDING), ("_id", ASCENDING)]),
        IndexModel(
            [("time", ASCENDING), ("bucket", ASCENDING)],
            name="pending",
            partialFilterExpression={"pending": True},
        ),
    ],
    "receipts": [IndexModel([("events.time", ASCENDING)])],
    "idempotency": [IndexModel([("time", ASCENDING)], expireAfterSeconds=2 * _DAY)],
    "inbox": [IndexModel([("time", ASCENDING)], expireAfterSeconds=int(MEMORY.total_seconds()))],
    "timers": [IndexModel([("ready", ASCENDING)])],
    # Only what has not ended is ready some time.
    "operations": [IndexModel([("ready", ASCENDING)], sparse=True)],
    "dead_letters": [
        IndexModel([("last_time", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("state", ASCENDING), ("queue", ASCENDING), ("first_time", ASCENDING)]),
        IndexModel([("resend", ASCENDING)], partialFilterExpression={"resend": True}),
        IndexModel([("customers", ASCENDING)]),
    ],
}
# A transaction cannot make a collection on its way without conflicts; these have no other index.
_PLAIN = (
    "known",
    "external_ids",
    "leases",
    "secrets",
    "sequences",
    "numbers",
    "guards",
    "migrations",
)


def create(database: "Database[dict[str, Any]]") -> None:
    """Make the collections and their indexes; what is there stays as it is."""
    make_collections(database, _PLAIN)
    for name, indexes in _INDEXES.items():
        database[name].create_indexes(list(indexes))


def make_collections(database: "Database[dict[str, Any]]", names: Iterable[str]) -> None:
    """Make those that are missing; a process that already waits for them may do so meanwhile."""
    for name in names:
        try:
            database.create_collection(name, check_exists=False)
        except OperationFailure as failure:
            if failure.code != _EXISTS:
                raise
