"""Reads of the journal that no other feature owns: its size, its news, whether it is unaltered."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from crm_analytics.journal.documents import JOURNAL, journal
from crm_chassis.events.canonical import datahash
from crm_chassis.mongo.connection import count


def altered_events(start: datetime, end: datetime) -> Iterator[str]:
    """The ids of the events from `start` to before `end` whose data is not what was announced.

    Erased events have lost their salt with their personal data: nothing can be told of them.
    """
    span = {"time": {"$gte": start, "$lt": end}, "salt": {"$ne": ""}}
    for row in journal().find(span, {"data": 1, "salt": 1, "datahash": 1}).sort("time", 1):
        if datahash(row["salt"], row["data"]) != row["datahash"]:
            yield row["_id"]


def journal_size() -> int:
    """How many events there are, as the collection's metadata tells it."""
    return journal().estimated_document_count()


def tidings(customers: Sequence[str], since: datetime, limit: int) -> int:
    """How many events about any of the customers arrived after `since`; counts up to `limit`."""
    condition = {"customers": {"$in": list(customers)}, "archived": {"$gt": since}}
    return count(JOURNAL, condition, limit)
