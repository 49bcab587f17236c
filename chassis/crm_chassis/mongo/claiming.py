"""Claiming rows that are ready: one worker alone carries a row on, while its lease lasts.

A row says when it may be taken (`ready`) and by which claim it was taken last (`claim`). What the
claimer stores of its work names the claim in its condition, in the transaction of the effect: one
whose lease ran out, and whose row was taken by another, stores nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import ExecutionTimeout, WTimeoutError

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.collection import Collection

    Rows = Collection[dict[str, Any]]

LEASE = timedelta(seconds=10)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
# How many of those that wait the longest are tried, and how long one may be held up.
CANDIDATES = 20
PATIENCE_MS = 100


class ClaimLost(Exception):
    """Another worker took the row over, or it is gone: nothing of this one may be stored."""


class Change(Protocol):
    """What of a transaction rows are written with that are no resources."""

    session: ClientSession
    now: datetime


def claim_row(
    rows: "Rows", condition: Mapping[str, Any], lease: timedelta = LEASE
) -> dict[str, Any] | None:
    """The row that waits the longest, taken for `lease`; None when none is ready.

    A row that a dead worker's transaction still holds is passed over: the server ends that
    transaction in its own time, and the others need not wait for it.
    """
    ready = _ready(condition)
    for candidate in rows.find(ready, {"_id": 1}, sort={"ready": 1}, limit=CANDIDATES):
        row = _taken(rows, {**ready, "_id": candidate["_id"]}, lease)
        if row is not None:
            return row
    return None


def _taken(rows: "Rows", condition: Mapping[str, Any], lease: timedelta) -> dict[str, Any] | None:
    claim = new_id()
    try:
        return rows.find_one_and_update(
            condition,
            {"$set": {"ready": now() + lease, "claim": claim}, "$inc": {"attempts": 1}},
            return_document=ReturnDocument.AFTER,
            maxTimeMS=PATIENCE_MS,
        )
    except ExecutionTimeout:
        return None
    except WTimeoutError:
        # Written, but a slow disk has not confirmed it yet. Whatever is stored names the claim.
        return rows.find_one({"_id": condition["_id"], "claim": claim})


def longest_waits(conditions: Mapping[str, Mapping[str, Any]]) -> dict[str, timedelta]:
    """How long the first row has waited in each collection that has one, told by one query.

    Less than nothing where the first one's time is still to come.
    """
    first, *others = [_longest_wait(name, condition) for name, condition in conditions.items()]
    collection, stages = first
    unions = [{"$unionWith": {"coll": name, "pipeline": below}} for name, below in others]
    # Asked every moment while nothing happens: as a plain command it costs a sixth less.
    found = database().command(
        {"aggregate": collection, "pipeline": [*stages, *unions], "cursor": {}},
        codec_options=database().codec_options,
    )
    return {row["in"]: now() - row["ready"] for row in found["cursor"]["firstBatch"]}


def _longest_wait(
    collection: str, condition: Mapping[str, Any]
) -> tuple[str, list[dict[str, Any]]]:
    shown = {"_id": 0, "ready": 1, "in": {"$literal": collection}}
    return collection, [
        {"$match": {**condition, "ready": {"$gt": _EVER}}},
        {"$sort": {"ready": 1}},
        {"$limit": 1},
        {"$project": shown},
    ]


def _ready(condition: Mapping[str, Any]) -> dict[str, Any]:
    return {**condition, "ready": {"$lte": now()}}
