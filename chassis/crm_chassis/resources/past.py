"""Reading the past: a resource, or a list of them, as the event log knew it at a moment."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from bson import Decimal128
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from crm_chassis.events.catalog import event_type, words_of
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Flaw, Invalid
from crm_chassis.mongo.connection import database
from crm_chassis.resources.shape import Field, Kind, fields_of

if TYPE_CHECKING:
    from crm_chassis.resources.document import Resource

Stage = dict[str, Any]
_NANO = Decimal128(Decimal("0.000000001"))


def refuse_future(read_time: datetime) -> None:
    """Do nothing when the moment has been.

    Raises:
        Invalid: it lies ahead.
    """
    if read_time > now():
        flaw = Flaw("read_time", "IN_THE_FUTURE", "has not been yet", "query")
        raise Invalid("The read time lies in the future.", flaw)


def message_from_json(document: "type[Resource]", data: Mapping[str, Any]) -> Message:
    """The message of a resource's JSON in the log."""
    return json_format.ParseDict(dict(data), document.message(), ignore_unknown_fields=True)


def rows_as_of(document: "type[Resource]", container: str, read_time: datetime) -> Sequence[Stage]:
    """The stages that put together each resource of a collection as it was at the moment.

    Each result has `_id`, `data` (its JSON then), and the filterable and sortable fields as rows
    have them.
    """
    descriptor = document.descriptor()
    prefix = f"{container}/{document.collection()}/" if container else f"{document.collection()}/"
    types = [event_type(descriptor, word) for word in words_of(descriptor)]
    return [
        {
            "$match": {
                "subject": {"$regex": "^" + re.escape(prefix)},
                "type": {"$in": types},
                "time": {"$lte": read_time},
            }
        },
        {"$sort": {"subject": 1, "sequence": -1}},
        {"$group": {"_id": "$subject", "data": {"$first": "$data"}}},
        {"$set": {"_id": {"$arrayElemAt": [{"$split": ["$_id", "/"]}, -1]}}},
        {"$set": dict(_row_of(descriptor))},
        *map(dict, document.as_of_stages),
    ]


def _rows_of_today(document: "type[Resource]") -> Sequence[Stage]:
    """The stages that give each result `now`, its row of today: rights are today's."""
    found = {
        "from": document.rows().name,
        "localField": "_id",
        "foreignField": "_id",
        "as": "now",
    }
    return [{"$lookup": found}, {"$set": {"now": {"$first": "$now"}}}]


def find_as_of(
    document: "type[Resource]",
    container: str,
    read_time: datetime,
    stages: Sequence[Stage],
    *,
    with_today: bool = True,
) -> list[dict[str, Any]]:
    """The results of `rows_as_of`, each with its row of today, narrowed down by further stages.

    Without those rows it takes half as long.
    """
    refuse_future(read_time)
    today = _rows_of_today(document) if with_today else ()
    pipeline = [*rows_as_of(document, container, read_time), *today, *stages]
    return list(database()["events"].aggregate(pipeline, allowDiskUse=True))


@cache
def _row_of(descriptor: Descriptor) -> Mapping[str, Any]:
    """The stored form of the fields that a filter or an order may name, from the log's JSON."""
    return {
        field.name: _stored(field, f"$data.{field.json_name}")
        for field in fields_of(descriptor)
        if field.name != "name" and _is_asked_for(field)
    }


def _is_asked_for(field: Field) -> bool:
    if field.filterable or field.sortable:
        return True
    if field.kind is not Kind.MESSAGE or field.is_map or field.message is None:
        return False
    return any(_is_asked_for(below) for below in fields_of(field.message))


def _stored(field: Field, value: str) -> Any:
    if not field.many:
        return _stored_one(field, value)
    if field.kind is not Kind.MESSAGE:
        return {"$ifNull": [value, []]}
    below = _stored_one(field, "$$item")
    return {"$map": {"input": {"$ifNull": [value, []]}, "as": "item", "in": below}}


def _stored_one(field: Field, value: str) -> Any:
    if field.kind is Kind.TIMESTAMP:
        return {"$toDate": value}
    if field.kind is Kind.MONEY:
        return _stored_money(value)
    if field.kind is Kind.MESSAGE and not field.is_map and field.message is not None:
        return {
            below.name: _stored(below, f"{value}.{below.json_name}")
            for below in fields_of(field.message)
            if _is_asked_for(below)
        }
    if field.descriptor.type == FieldDescriptor.TYPE_STRING:
        # JSON writes what is not set as an empty text; a row has nothing there.
        return {"$cond": [{"$eq": [value, ""]}, None, value]}
    return value


def _stored_money(value: str) -> Any:
    billionths = {"$toDecimal": {"$ifNull": [f"{value}.nanos", 0]}}
    units = {"$toDecimal": {"$ifNull": [f"{value}.units", "0"]}}
    amount = {"$add": [units, {"$multiply": [billionths, _NANO]}]}
    return {
        "$cond": [
            {"$eq": [{"$type": value}, "object"]},
            {"amount": amount, "currency_code": f"{value}.currencyCode"},
            None,
        ]
    }
