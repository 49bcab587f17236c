"""Receipts: what was promised to somebody, written in the transaction that kept the promise."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crm_chassis.kernel.clock import parse_rfc3339, rfc3339
from crm_chassis.kernel.errors import Flaw, Invalid
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.connection import database
from crm_chassis.mongo.outbox import mark_unpublished
from crm_chassis.resources.translate import name_of
from crm_chassis.telemetry.context import Call

if TYPE_CHECKING:
    from bson.raw_bson import RawBSONDocument
    from pymongo.client_session import ClientSession

    from crm_chassis.resources.document import Resource

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


def write_receipts(receipts: "Sequence[Row | RawBSONDocument]", session: "ClientSession") -> None:
    """Store the receipts of a transaction."""
    if len(receipts) == 1:
        database()["receipts"].insert_one(receipts[0], session=session)
    else:
        database()["receipts"].insert_many(receipts, ordered=False, session=session)


def entries(
    start: datetime,
    end: datetime,
    after: str,
    limit: int,
    documents: "Sequence[type[Resource]]" = (),
) -> list[Row]:
    """What the service knows of its events from `start` to before `end`, by time and event id.

    Each row has `event`, `subject`, `sequence`, `time`, `accepted`, `stored` and `published`;
    the page begins after the `position_of` a row. A version that a resource of the `documents` is
    at, and that nothing tells of, is a row without an event's id.

    Raises:
        Invalid: `after` is no position.
    """
    begin = _position(after)
    stored = list(_stored((start, end), begin, limit))
    # What comes after the last row of a full page is not looked at: the next page does.
    until = {"$lte": stored[-1]["time"]} if len(stored) == limit else {"$lt": end}
    found: dict[str, Row] = {}
    for event in _promised({"$gte": begin[0] if begin else start, **until}, begin, limit):
        _entry(found, event["id"], event)["accepted"] = True
    for event in stored:
        entry = _entry(found, event["_id"], event)
        entry["stored"] = True
        entry["published"] = "published" in event
    told = [*found.values()]
    changed = {"$gt": begin[0], **until} if begin else {"$gte": start, **until}
    told += (row for document in documents for row in _untold(document, changed, found.values()))
    return sorted(told, key=lambda entry: (entry["time"], entry["event"]))[:limit]


def publish_again(start: datetime, end: datetime, after: str, limit: int) -> tuple[int, str]:
    """Let the events from `start` to before `end` be published again, by time, at most `limit`.

    Those that wait to be published stay as they are. Gives how many go out again, and the
    position at which to go on; that is empty at the end.

    Raises:
        Invalid: `after` is no position.
    """
    stored = list(_stored((start, end), _position(after), limit))
    count = mark_unpublished([event["_id"] for event in stored if "published" in event])
    is_over = len(stored) < limit
    return count, "" if is_over else position_of({**stored[-1], "event": stored[-1]["_id"]})


def position_of(entry: Mapping[str, Any]) -> str:
    """Where a page ends with this row."""
    return f"{rfc3339(entry['time'])} {entry['event']}"


def _position(text: str) -> tuple[datetime, str] | None:
    if not text:
        return None
    moment, _, event = text.partition(" ")
    try:
        return parse_rfc3339(moment), event
    except ValueError as error:
        flaw = Flaw("page_token", "INVALID_PAGE_TOKEN", "is not a token of this list", "query")
        raise Invalid("The page token is not valid.", flaw) from error


def _entry(found: dict[str, Row], key: str, event: Mapping[str, Any]) -> Row:
    plain = {name: event[name] for name in ("subject", "sequence", "time")}
    nothing = {"accepted": False, "stored": False, "published": False}
    return found.setdefault(key, {"event": key, **plain, **nothing})


def _untold(
    document: "type[Resource]", changed: Row, told: Iterable[Mapping[str, Any]]
) -> Iterator[Row]:
    """The newest versions of the span that neither the log nor a receipt tells of."""
    seen = {(entry["subject"], entry["sequence"]) for entry in told}
    shown = {"container": 1, "version": 1, "update_time": 1}
    for row in document.rows().find({"update_time": changed}, shown):
        version = {"subject": name_of(row, document.collection()), "sequence": row["version"]}
        time = row["update_time"]
        if tuple(version.values()) not in seen and not _is_told(version, time):
            yield _entry({}, "", {**version, "time": time})


def _is_told(version: Row, time: datetime) -> bool:
    """Whether a version is told of on another page, or since this one was read."""
    receipt = {"events": {"$elemMatch": {"time": time, **version}}}
    return bool(database()["events"].find_one(version) or database()["receipts"].find_one(receipt))


def _promised(span: Row, begin: tuple[datetime, str] | None, limit: int) -> Iterator[Row]:
    stages: Iterable[Row] = (
        {"$match": {"events": {"$elemMatch": {"time": span}}}},
        {"$unwind": "$events"},
        {"$replaceWith": "$events"},
        {"$match": {"time": span, **_beyond(begin, "id")}},
        {"$sort": {"time": 1, "id": 1}},
        {"$limit": limit},
    )
    return iter(database()["receipts"].aggregate(list(stages), allowDiskUse=True))


def _stored(
    span: tuple[datetime, datetime], begin: tuple[datetime, str] | None, limit: int
) -> Iterator[Row]:
    names = ("subject", "sequence", "time", "published")
    lower = begin[0] if begin else span[0]
    wanted = {"time": {"$gte": lower, "$lt": span[1]}, **_beyond(begin, "_id")}
    found = database()["events"].find(wanted, dict.fromkeys(names, 1), batch_size=limit)
    return iter(found.sort([("time", 1), ("_id", 1)]).limit(limit))


def _beyond(begin: tuple[datetime, str] | None, event: str) -> Row:
    """The condition for what comes after a position, of what is not before its moment."""
    if begin is None:
        return {}
    return {"$or": [{"time": {"$gt": begin[0]}}, {event: {"$gt": begin[1]}}]}
