"""Receipts: what was promised to somebody, written in the transaction that kept the promise."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.connection import database
from crm_chassis.telemetry.context import Call

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

Row = dict[str, Any]


def receipt_row(call: Call, time: datetime, events: Sequence[Row]) -> Row:
    """A receipt: who asked by which method, and each event that it made."""
    return {
        "_id": new_id(),
        "time": time,
        "method": call.method,
        "principal": call.principal.name,
        "request_id": call.request_id,
        "events": [
            {
                "id": event["_id"],
                "subject": event["subject"],
                "sequence": event["sequence"],
                "time": event["time"],
            }
            for event in events
        ],
    }


def write_receipts(receipts: Sequence[Row], session: "ClientSession") -> None:
    """Store the receipts of a transaction."""
    database()["receipts"].insert_many(receipts, ordered=False, session=session)


def entries(start: datetime, end: datetime, after: str, limit: int) -> list[Row]:
    """What the service knows of its events from `start` to before `end`, by event id.

    Each row has `event`, `subject`, `sequence`, `time`, `accepted`, `stored` and `published`;
    the page begins after the event id `after`.
    """
    found: dict[str, Row] = {}
    for event in _promised(start, end, after, limit):
        _entry(found, event["id"], event)["accepted"] = True
    for event in _stored(start, end, after, limit):
        entry = _entry(found, event["_id"], event)
        entry["stored"] = True
        entry["published"] = "published" in event
    return [found[key] for key in sorted(found)[:limit]]


def _entry(found: dict[str, Row], key: str, event: Mapping[str, Any]) -> Row:
    plain = {name: event[name] for name in ("subject", "sequence", "time")}
    nothing = {"accepted": False, "stored": False, "published": False}
    return found.setdefault(key, {"event": key, **plain, **nothing})


def _promised(start: datetime, end: datetime, after: str, limit: int) -> Iterator[Row]:
    span = {"events.time": {"$gte": start, "$lt": end}, "events.id": {"$gt": after}}
    stages: Iterable[Row] = (
        {"$match": {"events": {"$elemMatch": {"time": {"$gte": start, "$lt": end}}}}},
        {"$unwind": "$events"},
        {"$match": span},
        {"$replaceWith": "$events"},
        {"$sort": {"id": 1}},
        {"$limit": limit},
    )
    return iter(database()["receipts"].aggregate(list(stages), allowDiskUse=True))


def _stored(start: datetime, end: datetime, after: str, limit: int) -> Iterator[Row]:
    names = ("subject", "sequence", "time", "published")
    found = database()["events"].find(
        {"time": {"$gte": start, "$lt": end}, "_id": {"$gt": after}}, dict.fromkeys(names, 1)
    )
    return iter(found.sort("_id", 1).limit(limit))
