"""The events of the log that are not published yet: read in order, marked when they are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from pymongo.errors import PyMongoError

from crm_chassis.kernel.clock import now
from crm_chassis.mongo.connection import client, database, without_zones
from crm_chassis.mongo.failures import time_limit

if TYPE_CHECKING:
    from pymongo.change_stream import CollectionChangeStream
    from pymongo.collection import Collection as Rows

# Relays share the log by so many parts of it; a resource's events are all in one.
BUCKETS = 64
Failure = PyMongoError
INDEX = "pending"
# Where counting stops: a backlog of more is a backlog of more.
COUNTED = 100_000
AWAIT = 0.5
_PATIENCE = 10.0
_BATCH = 500
_INSERTED: list[dict[str, Any]] = [
    {"$match": {"operationType": "insert"}},
    {"$project": {"_id": 1}},
]
_PENDING: Mapping[str, Any] = {"pending": True}
# A resource's events have different times, so that this is its order (contracts: `time`).
_ORDER = {"time": 1}


def is_any_pending() -> bool:
    """Whether there is anything to publish, in any bucket: the cheapest question."""
    with time_limit(_PATIENCE):
        return _rows().find_one(_PENDING, {"_id": 1}, hint=INDEX) is not None


class Reading:
    """The oldest events to publish, oldest first, as they were at one moment.

    At one moment: an event that is seen comes after all earlier ones of its resource, whatever
    commits meanwhile. Events of the resources `without` are left out. Moments have no zone.
    """

    def __init__(self, buckets: Collection[int], without: Collection[str], limit: int) -> None:
        condition = {**_PENDING, "bucket": {"$in": sorted(buckets)}}
        if without:
            condition["subject"] = {"$nin": list(without)}
        self._session = client().start_session(snapshot=True)
        rows = without_zones(_rows())
        found = rows.find(condition, sort=_ORDER, limit=limit, hint=INDEX, session=self._session)
        self._found = found.batch_size(_BATCH)

    def next(self, count: int) -> list[dict[str, Any]]:
        """The next `count` of them; fewer at the end."""
        with time_limit(_PATIENCE):
            return list(islice(self._found, count))

    def close(self) -> None:
        """Read no more of it."""
        with time_limit(_PATIENCE):
            self._found.close()
            self._session.end_session()


class News:
    """Wakes who waits for events to publish. It may miss some: asking is the truth.

    Open only while there is nothing to do, because it is told of every event.
    """

    def __init__(self) -> None:
        self._stream: CollectionChangeStream[dict[str, Any]] | None = None

    def wait(self) -> bool:
        """Wait for an event, at most AWAIT seconds; gives whether one may have come.

        One that came before the first call may be missed: so that gives True at once.
        """
        if self._stream is None:
            self._stream = _rows().watch(_INSERTED, max_await_time_ms=round(AWAIT * 1000))
            return True
        came = self._stream.try_next() is not None
        return came or not self._stream.alive

    def close(self) -> None:
        """Be told no more."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()


def mark_published(ids: Sequence[str]) -> None:
    """Keep that the broker has confirmed these events.

    By a majority: the next reading sees no more than what one has, and would send the others again.
    """
    change = {"$set": {"published": now()}, "$unset": {"pending": ""}}
    with time_limit(_PATIENCE):
        _rows().update_many({"_id": {"$in": list(ids)}}, change)


def backlog() -> tuple[int, datetime | None]:
    """How many events wait (counted up to COUNTED), and since when the oldest one does."""
    with time_limit(_PATIENCE):
        count = _rows().count_documents(_PENDING, hint=INDEX, limit=COUNTED)
        oldest = _rows().find_one(_PENDING, {"time": 1}, sort=_ORDER, hint=INDEX)
    return count, oldest["time"] if oldest else None


def _rows() -> "Rows[dict[str, Any]]":
    return database()["events"]
