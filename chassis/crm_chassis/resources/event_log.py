"""The log of a service's events: written with each change, read for the past of any resource."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import Descriptor

from crm_chassis.events.canonical import datahash, new_salt
from crm_chassis.events.catalog import announced, event_type, package_of
from crm_chassis.kernel.ids import first_id_at, new_id
from crm_chassis.mongo.connection import count, database
from crm_chassis.mongo.outbox import BUCKETS
from crm_chassis.resources.customers import customers_of
from crm_chassis.resources.shape import fields_of
from crm_chassis.resources.translate import json_from_row, name_of
from crm_chassis.telemetry.context import Call
from crm_chassis.telemetry.metrics import EVENTS_RECORDED, expect

if TYPE_CHECKING:
    from crm_chassis.resources.document import Resource

Row = dict[str, Any]
# Set by storing, in every change: they say nothing of what changed.
_ALWAYS = frozenset({"version", "update_time", "words", "terms", "guard", "_id", "container"})


def bucket_of(subject: str) -> int:
    """The bucket of a resource's events; a relay leases whole buckets."""
    return zlib.crc32(subject.encode()) % BUCKETS


def changed_paths(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    """The stored fields that differ, in the order of their names."""
    if not before:
        return sorted(name for name in after if name not in _ALWAYS)
    names = (before.keys() | after.keys()) - _ALWAYS
    return sorted(name for name in names if before.get(name) != after.get(name))


def expect_events(service: str) -> None:
    """Count from the start what a service may announce."""
    expect(EVENTS_RECORDED, announced(service.replace("-", "_")))


def event_row(
    document: "type[Resource]", word: str, before: Row | None, after: Row, call: Call
) -> Row:
    """The row of the event that a change announces: the whole resource and its envelope."""
    descriptor = document.descriptor()
    source, type_ = _origin(descriptor, word)
    subject = name_of(after, document.collection())
    data = json_from_row(document, after)
    salt = new_salt()
    return {
        "_id": new_id(),
        "source": source,
        "type": type_,
        "subject": subject,
        "time": after["update_time"],
        "sequence": after["version"],
        "customers": customers_of(descriptor, (after,) if before is None else (before, after)),
        "parent": subject if document.is_owned() else after.get("container") or subject,
        "paths": _told_paths(descriptor, before, after),
        "datahash": datahash(salt, data),
        "salt": salt,
        "actor": call.principal.name,
        "correlationid": call.correlation_id,
        "causationid": call.causation_id,
        "traceparent": call.traceparent,
        "data": data,
        "bucket": bucket_of(subject),
        "pending": True,
    }


@cache
def _origin(descriptor: Descriptor, word: str) -> tuple[str, str]:
    """The source and the type of an event."""
    return "/crm/" + package_of(descriptor).replace("_", "-"), event_type(descriptor, word)


def _told_paths(descriptor: Descriptor, before: Row | None, after: Row) -> list[str]:
    if not before:
        return [*_paths_of_new(descriptor, tuple(after))]
    return _json_names(descriptor, changed_paths(before, after))


@lru_cache(maxsize=1024)
def _paths_of_new(descriptor: Descriptor, names: tuple[str, ...]) -> list[str]:
    """The paths of a new row with these fields: many rows have the same."""
    return _json_names(descriptor, changed_paths(None, dict.fromkeys(names)))


def _json_names(descriptor: Descriptor, names: Sequence[str]) -> list[str]:
    known = _json_name_of(descriptor)
    return [known[name] for name in names if name in known]


@cache
def _json_name_of(descriptor: Descriptor) -> dict[str, str]:
    return {field.name: field.json_name for field in fields_of(descriptor)}


def latest(subject: str, read_time: datetime) -> Row | None:
    """The resource's last event at that moment; None when there was none yet."""
    return database()["events"].find_one(
        {"subject": subject, "time": {"$lte": read_time}}, sort=[("sequence", -1)]
    )


def events_of(subject: str, before: int | None, limit: int) -> list[Row]:
    """A resource's events, newest first; those below the sequence `before` when that is told."""
    condition: Row = {"subject": subject}
    if before is not None:
        condition["sequence"] = {"$lt": before}
    found = database()["events"].find(condition).sort("sequence", -1).limit(limit)
    return list(found)


def tidings(customers: Sequence[str], since: datetime, limit: int) -> int:
    """How many events about any of the customers were made after `since`; counts up to `limit`."""
    condition = {"customers": {"$in": list(customers)}, "_id": {"$gt": first_id_at(since)}}
    return count("events", condition, limit)
