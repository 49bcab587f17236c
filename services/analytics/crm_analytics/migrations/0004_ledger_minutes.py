"""The ledger is watched minute by minute."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crm_analytics.journal.documents import JOURNAL
from crm_analytics.ledger.documents import INDEXES, MINUTES, WATCH, WATCHES
from crm_analytics.ledger.rules import WATCHED, minute_of
from crm_chassis.kernel.clock import now

if TYPE_CHECKING:
    from pymongo.database import Database

# What other services did before this one was there at all: their first migrations.
_BEFORE = timedelta(minutes=10)


def up(database: "Database[dict[str, Any]]") -> None:
    """Make the indexes, and the row that says since when; in a new suite there is little before."""
    database[MINUTES].create_indexes(list(INDEXES))
    moment = now()
    is_new = database[JOURNAL].find_one({}, {"_id": 1}) is None
    since = minute_of(moment - (_BEFORE if is_new else WATCHED))
    row = {"ready": moment, "since": since, "until": {}, "attempts": 0}
    database[WATCHES].update_one({"_id": WATCH}, {"$setOnInsert": row}, upsert=True)
