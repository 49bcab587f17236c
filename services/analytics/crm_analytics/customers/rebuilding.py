"""Sections that other services own, as the journal last knew them: for when these do not answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import orjson
from google.protobuf import json_format

from crm_analytics.journal.documents import journal
from crm_analytics.parents.queries import Sight, may_read
from crm_chassis.events.catalog import message_of
from crm_chassis.kernel.ids import collection_of
from crm_chassis.resources.customers import customers_of
from crm_chassis.resources.sections import MOST
from crm_chassis.resources.translate import row_from_message

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Which service's events a section follows from, and the lists in it; the last is counted."""

    source: str
    lists: Sequence[str]


REBUILT: Mapping[str, Rebuilt] = {
    "deals": Rebuilt("/crm/sales", ["deals"]),
    "cases": Rebuilt("/crm/service-desk", ["cases"]),
    "campaigns": Rebuilt("/crm/campaigns", ["members", "deliveries"]),
}


@dataclass(frozen=True, slots=True)
class Known:
    """A section in proto3 JSON, and when the newest event that it follows from happened."""

    data: bytes
    as_of: datetime | None


def may_see(section: str, sight: Sight) -> bool:
    """Whether the principal may read what the section lists."""
    return all(may_read(sight.principal, name) for name in REBUILT[section].lists)


def rebuild(section: str, customer: str, sight: Sight, moment: datetime | None) -> Known:
    """The section as the journal last knew it, or as it did at a moment; rights are today's."""
    rebuilt = REBUILT[section]
    standing = _standing(_newest(rebuilt.source, customer, moment), customer)
    rows = _seen(standing, sight, moment)
    found: dict[str, list[Row]] = {name: [] for name in rebuilt.lists}
    for row in rows:
        if collection_of(row["_id"]) in found:
            found[collection_of(row["_id"])].append(row["data"])
    told: Row = {name: data[:MOST] for name, data in found.items()}
    told["totalSize"] = len(found[rebuilt.lists[-1]])
    return Known(orjson.dumps(told), max((row["time"] for row in rows), default=None))


def _newest(source: str, customer: str, moment: datetime | None) -> list[Row]:
    """The last event of each resource of a service that ever concerned the customer."""
    return _last_events({"customers": customer, "source": source}, moment)


def _last_events(wanted: Row, moment: datetime | None) -> list[Row]:
    """Of the resources whose events are wanted the last one, the newest resources first."""
    until: Row = {"time": {"$lte": moment}} if moment is not None else {}
    names = ("type", "time", "parent", "data")
    newest = {name: {"$first": f"${name}"} for name in names}
    stages: list[Row] = [
        {"$match": {**wanted, **until}},
        {"$sort": {"subject": 1, "sequence": -1}},
        {"$group": {"_id": "$subject", **newest}},
        {"$sort": {"data.createTime": -1, "_id": -1}},
    ]
    return list(journal().aggregate(stages, allowDiskUse=True))


def _standing(rows: Iterable[Row], customer: str) -> list[Row]:
    """Those that were not deleted, and concern the customer in the end."""
    return [
        row
        for row in rows
        if "deleteTime" not in row["data"] and customer in _customers_in(row["type"], row["data"])
    ]


def _seen(rows: Sequence[Row], sight: Sight, moment: datetime | None) -> list[Row]:
    """Those whose parents the principal sees and were not deleted."""
    hidden = sight.hides({row["parent"] for row in rows})
    above = sorted({row["parent"] for row in rows if row["parent"] != row["_id"]})
    parents = _last_events({"subject": {"$in": above}}, moment) if above else []
    hidden |= {parent["_id"] for parent in parents if "deleteTime" in parent["data"]}
    return [row for row in rows if row["parent"] not in hidden]


def _customers_in(type_: str, data: Mapping[str, Any]) -> list[str]:
    message_class = message_of(type_)
    if message_class is None:
        return []
    message = json_format.ParseDict(dict(data), message_class(), ignore_unknown_fields=True)
    descriptor = cast("Descriptor", message.DESCRIPTOR)
    return customers_of(descriptor, [row_from_message(message)])
