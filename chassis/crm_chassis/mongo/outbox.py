"""The events of the log that are not published yet: read in order, marked when they are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from pymongo.errors import PyMongoError

from crm_chassis.kernel.clock import now
from crm_chassis.mongo.connection import client, database, without_zones
from crm_chassis.mongo.failures import time_limit
from crm_chassis.mongo.gauges import ask_when_scraped
from crm_chassis.telemetry.metrics import OUTBOX_OLDEST_AGE

if TYPE_CHECKING:
    from pymongo.collection import Collection as Rows

# Relays share the log by so many parts of it; a resource's events are all in one.
BUCKETS = 64
Failure = PyMongoError
INDEX = "pending"
# Where counting stops: a backlog of more is a backlog of more.
COUNTED = 100_000
_PATIENCE = 10.0
_BATCH = 500
_PENDING: Mapping[str, Any] = {"pending": True}
_PLACE: Mapping[str, Any] = {"subject": 1, "time": 1, "_id": 0}
_PREDECESSORS = [("subject", 1), ("sequence", -1)]
# A resource's events have different times, so that this is its order (contracts: `time`).
_ORDER = {"time": 1}


def is_any_pending(since: datetime | None = None) -> bool:
    """Whether there is anything to publish, in any bucket: the cheapest question."""
    with time_limit(_PATIENCE):
        return _rows().find_one(_pending(since), {"_id": 1}, hint=INDEX) is not None


class Reading:
    """The oldest events to publish, oldest first, as they were at one moment.

    At one moment: an event that is seen comes after all earlier ones of its resource, whatever
    commits meanwhile. Events of the resources `without` are left out. Moments have no zone.

    A reading of those `since` a moment only is quick however much was published of late: MongoDB
    keeps what has left an index for minutes, and whoever reads from its beginning goes through it.
    It leaves out an event whose predecessor is older than that, and still to be published.
    """

    def __init__(
        self,
        buckets: Collection[int],
        without: Collection[str],
        limit: int,
        since: datetime | None = None,
    ) -> None:
        self._since, self._left = since, limit
        self._overtaking: set[str] = set()
        condition = {**_pending(since), "bucket": {"$in": sorted(buckets)}}
        if without:
            condition["subject"] = {"$nin": list(without)}
        self._session = client().start_session(snapshot=True)
        rows = without_zones(_rows())
        found = rows.find(condition, sort=_ORDER, limit=limit, hint=INDEX, session=self._session)
        self._found = found.batch_size(_BATCH)

    @property
    def is_cut(self) -> bool:
        """Whether it came to its limit: what lies beyond was not read."""
        return self._left <= 0

    def next(self, count: int) -> tuple[list[dict[str, Any]], bool]:
        """The next of them, at most `count`, and whether more may follow."""
        with time_limit(_PATIENCE):
            rows = list(islice(self._found, count))
            self._left -= len(rows)
            return self._in_order(rows), len(rows) == count

    def close(self) -> None:
        """Read no more of it."""
        with time_limit(_PATIENCE):
            self._found.close()
            self._session.end_session()

    def _in_order(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave out a resource from the first event on that would overtake an older one."""
        if self._since is None:
            return rows
        before = [
            {"subject": row["subject"], "sequence": row["sequence"] - 1, **_PENDING}
            for row in rows
            if row["sequence"] > 1
        ]
        if before:
            found = _rows().find({"$or": before}, _PLACE, hint=_PREDECESSORS, session=self._session)
            self._overtaking |= {row["subject"] for row in found if row["time"] < self._since}
        return [row for row in rows if row["subject"] not in self._overtaking]


def _pending(since: datetime | None) -> dict[str, Any]:
    return {**_PENDING, "time": {"$gte": since}} if since else {**_PENDING}


def mark_published(ids: Sequence[str]) -> None:
    """Keep that the broker has confirmed these events.

    By a majority: the next reading sees no more than what one has, and would send the others again.
    What another relay has marked stays as it is.
    """
    change = {"$set": {"published": now()}, "$unset": {"pending": ""}}
    with time_limit(_PATIENCE):
        _rows().update_many({"_id": {"$in": list(ids)}, **_PENDING}, change, hint="_id_")


def mark_unpublished(ids: Sequence[str]) -> int:
    """Let these events be published again, whatever was confirmed; gives how many will be."""
    published = {"_id": {"$in": list(ids)}, "published": {"$exists": True}}
    change = {"$set": {"pending": True}, "$unset": {"published": ""}}
    with time_limit(_PATIENCE):
        return _rows().update_many(published, change).modified_count


def backlog() -> int:
    """How many events wait, counted up to COUNTED."""
    with time_limit(_PATIENCE):
        return _rows().count_documents(_PENDING, hint=INDEX, limit=COUNTED)


def oldest_age() -> float:
    """For how many seconds the oldest event waits; 0 when none does."""
    with time_limit(_PATIENCE):
        oldest = _rows().find_one(_PENDING, {"time": 1}, sort=_ORDER, hint=INDEX)
    return (now() - oldest["time"]).total_seconds() if oldest else 0.0


def watch_oldest(service: str) -> None:
    """Tell that age, too, whenever somebody asks for the metrics: a dead relay tells nothing."""
    ask_when_scraped(OUTBOX_OLDEST_AGE.labels(service), oldest_age)


def _rows() -> "Rows[dict[str, Any]]":
    return database()["events"]
