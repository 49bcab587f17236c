"""The sections of the customer view that a service tells: the newest of what concerns a customer.

A service whose resources refer to customers tells of one by listing these. Such a section follows
from the protos alone: the fields that refer to contacts and organizations say whom a resource
concerns.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson

from crm_chassis.events.catalog import event_type, words_of
from crm_chassis.kernel.ids import collection_of, first_id_at, id_of
from crm_chassis.memory import exact
from crm_chassis.mongo.connection import database
from crm_chassis.resources.customers import CUSTOMERS, concerning, customers_of
from crm_chassis.resources.document import Resource
from crm_chassis.resources.event_log import latest
from crm_chassis.resources.kept import Kept
from crm_chassis.resources.known import KNOWN
from crm_chassis.resources.parts import Part, Rows, rows_of_parts
from crm_chassis.resources.past import message_from_json, refuse_future
from crm_chassis.resources.translate import json_from_row, row_from_message
from crm_chassis.resources.visibility import condition, is_visible
from crm_chassis.telemetry.context import Principal, current_call

Row = dict[str, Any]
Data = dict[str, Any]
MOST = 50


class Sections(Protocol):
    """What a service tells of customers: each section's JSON, by the section's name."""

    @property
    def rights(self) -> Mapping[str, Sequence[str]]:
        """The sections, and the collections that one has to be allowed to read for each."""

    def now(
        self, customer: str, wanted: Sequence[str], *, show_deleted: bool
    ) -> Mapping[str, bytes]:
        """Those sections as they are, as far as the caller sees what is in them."""

    def then(
        self, customer: str, wanted: Sequence[str], moment: datetime, *, show_deleted: bool
    ) -> Mapping[str, bytes]:
        """Those sections as they were at a moment; rights are today's."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section that lists resources: by their names in its data, the kinds it lists.

    Its `totalSize` counts those of the last kind.
    """

    name: str
    lists: Mapping[str, type[Resource]]

    @property
    def counted(self) -> str:
        """The list whose size is told."""
        return [*self.lists][-1]


class Listings:
    """The sections of a service that consist of lists."""

    def __init__(self, *sections: Section) -> None:
        self._sections = {section.name: section for section in sections}
        self._kept: Kept[Mapping[str, bytes]] = Kept(_tidings, _size)

    @property
    def rights(self) -> Mapping[str, Sequence[str]]:
        """The sections, and the collections that one has to be allowed to read for each."""
        return {
            name: [kind.collection() for kind in section.lists.values()]
            for name, section in self._sections.items()
        }

    def now(
        self, customer: str, wanted: Sequence[str], *, show_deleted: bool = False
    ) -> Mapping[str, bytes]:
        """Those sections as they are; a customer that was deleted is told of like any other."""
        del show_deleted
        kinds = self._kinds(wanted)
        question = (customer, tuple(wanted), current_call().principal)
        return self._kept.answer(
            question, lambda: _names_around(customer, kinds), lambda: self._read(customer, wanted)
        )

    def then(
        self, customer: str, wanted: Sequence[str], moment: datetime, *, show_deleted: bool = False
    ) -> Mapping[str, bytes]:
        """Those sections as they were at a moment; rights are today's.

        Raises:
            Invalid: the moment lies ahead.
        """
        del show_deleted
        refuse_future(moment)
        told: dict[str, bytes] = {}
        for name in wanted:
            section = self._sections[name]
            found = {title: _then(kind, customer, moment) for title, kind in section.lists.items()}
            told[name] = _section(found, len(found[section.counted]))
        return told

    def _kinds(self, wanted: Iterable[str]) -> list[type[Resource]]:
        return [kind for name in wanted for kind in self._sections[name].lists.values()]

    def _read(self, customer: str, wanted: Sequence[str]) -> Mapping[str, bytes]:
        principal = current_call().principal
        lists = {
            f"{name}.{title}": kind
            for name in wanted
            for title, kind in self._sections[name].lists.items()
        }
        newest: list[Row] = [{"$sort": {"create_time": -1, "_id": -1}}, {"$limit": MOST + 1}]
        stages = {label: _seen(kind, customer, principal) for label, kind in lists.items()}
        parts = [
            Part(label, lists[label].rows(), [*some, *newest]) for label, some in stages.items()
        ]
        rows = rows_of_parts(parts)
        return {name: self._told(name, rows, stages) for name in wanted}

    def _told(self, name: str, rows: Rows, stages: Mapping[str, list[Row]]) -> bytes:
        section = self._sections[name]
        found = {
            title: [json_from_row(kind, row) for row in rows[f"{name}.{title}"]]
            for title, kind in section.lists.items()
        }
        total, counted = len(found[section.counted]), section.lists[section.counted]
        if total > MOST:
            counting = [*stages[f"{name}.{section.counted}"], {"$count": "size"}]
            total = next(iter(counted.rows().aggregate(counting)))["size"]
        return _section(found, total)


def _section(found: Mapping[str, Sequence[Data]], total: int) -> bytes:
    shown = {title: entries[:MOST] for title, entries in found.items()}
    return exact(orjson.dumps({**shown, "totalSize": total}))


def _seen(document: type[Resource], customer: str, principal: Principal) -> list[Row]:
    """The stages that find what stands, concerns the customer, and is seen by the principal."""
    wanted = concerning(document.descriptor(), customer)
    above = document.container_document
    if above is None:
        seen = condition(document, principal)
        return [{"$match": {"$and": [wanted, {"delete_time": None}, seen]}}]
    id_in_name = {"$substrBytes": ["$container", len(above.collection()) + 1, -1]}
    standing = {"$and": [{"delete_time": None}, _condition_above(above, principal)]}
    found = {
        "from": above.rows().name,
        "localField": "above",
        "foreignField": "_id",
        "pipeline": [{"$match": standing}, {"$project": {"_id": 1}}],
        "as": "above",
    }
    return [
        {"$match": {"$and": [wanted, {"delete_time": None}]}},
        {"$set": {"above": id_in_name}},
        {"$lookup": found},
        {"$match": {"above": {"$ne": []}}},
        {"$unset": "above"},
    ]


def _condition_above(document: type[Resource], principal: Principal) -> Row:
    if principal.level(document.collection(), "READ") is None:
        return {"_id": {"$in": []}}
    return condition(document, principal)


def _then(document: type[Resource], customer: str, moment: datetime) -> list[Data]:
    """What stood and concerned the customer then, and the caller may see now, newest first.

    An event names the customers of before and after: the resource itself tells whom it concerned.
    """
    descriptor = document.descriptor()
    types = [event_type(descriptor, word) for word in words_of(descriptor)]
    stages: list[Row] = [
        {"$match": {"customers": customer, "type": {"$in": types}, "time": {"$lte": moment}}},
        {"$sort": {"subject": 1, "sequence": -1}},
        {"$group": {"_id": "$subject", "data": {"$first": "$data"}}},
    ]
    rows = database()["events"].aggregate(stages, allowDiskUse=True)
    found = [row["data"] for row in rows if "deleteTime" not in row["data"]]
    stood = [data for data in found if customer in _customers_in(document, data)]
    hidden = _hidden(document, [data["name"] for data in stood], moment)
    seen = [data for data in stood if data["name"] not in hidden]
    return sorted(seen, key=lambda data: (data["createTime"], data["name"]), reverse=True)


def _customers_in(document: type[Resource], data: Data) -> list[str]:
    row = row_from_message(message_from_json(document, data))
    return customers_of(document.descriptor(), [row])


def _hidden(document: type[Resource], names: Sequence[str], moment: datetime) -> set[str]:
    """Those of the names that the caller may not see, or whose container was deleted then."""
    above = document.container_document
    if above is None:
        return set(names) - _visible(document, names)
    containers = {name: name.rsplit("/", 2)[0] for name in names}
    seen = _visible(above, set(containers.values()))
    stood = {name for name in seen if _stood(name, moment)}
    return {name for name, container in containers.items() if container not in stood}


def _visible(document: type[Resource], names: Collection[str]) -> set[str]:
    ids = {id_of(name): name for name in names}
    principal = current_call().principal
    rows = document.rows().find({"_id": {"$in": sorted(ids)}})
    return {ids[row["_id"]] for row in rows if is_visible(document, row, principal)}


def _stood(name: str, moment: datetime) -> bool:
    event = latest(name, moment)
    return event is not None and "deleteTime" not in event["data"]


def _names_around(customer: str, kinds: Iterable[type[Resource]]) -> list[str]:
    """Whose changes may change what is told of a customer.

    Those customers whose names are shown, and what the resources stand below: that decides who
    sees them.
    """
    names = {customer}
    for kind in kinds:
        descriptor = kind.descriptor()
        rows = list(kind.rows().find(concerning(descriptor, customer)))
        names.update(customers_of(descriptor, rows))
        names.update(row["container"] for row in rows if "container" in row)
    return sorted(names)


def _tidings(names: Sequence[str], since: datetime, limit: int) -> int:
    """How much was told of customers and containers, and how much became known of customers.

    One question for both: two take the service twice as long.
    """
    newer = {"_id": {"$gt": first_id_at(since)}}
    above = [name for name in names if collection_of(name) not in CUSTOMERS]
    wanted: Row = {"customers": {"$in": list(names)}, **newer}
    if above:
        wanted = {"$or": [wanted, {"subject": {"$in": above}, **newer}]}
    known = [{"$match": {"_id": {"$in": list(names)}}}, {"$project": {"count": "$sequence"}}]
    stages: list[Row] = [
        {"$match": wanted},
        {"$limit": limit},
        {"$group": {"_id": None, "count": {"$sum": 1}}},
        {"$unionWith": {"coll": KNOWN, "pipeline": known}},
    ]
    found = database().command("aggregate", "events", pipeline=stages, cursor={})
    return sum(row["count"] for row in found["cursor"]["firstBatch"])


def _size(sections: Mapping[str, bytes]) -> int:
    return sum(map(len, sections.values()))
