"""What is stored of the ledger: a row for each minute of each source, and how far it was looked."""

from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, IndexModel

from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.collection import Collection

MINUTES = "ledger_minutes"
WATCHES = "ledger_watches"
# The one row of the watch: who looks now, when the next look is due, how far each source is.
WATCH = "ledger"
_DAY = 86_400
INDEXES = (
    # Rows vanish after eight days.
    IndexModel([("start", ASCENDING)], expireAfterSeconds=8 * _DAY),
    # What is to be looked at again.
    IndexModel([("source", ASCENDING), ("again", ASCENDING)]),
)


def minutes() -> "Collection[dict[str, Any]]":
    """The minutes; `_id` is the source and when the minute begins, so that each is there once."""
    return database()[MINUTES]


def watches() -> "Collection[dict[str, Any]]":
    """The watch: a row that is `ready` when the next look is due."""
    return database()[WATCHES]
