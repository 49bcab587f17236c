"""The envelope of an event: CloudEvents 1.0 on the wire, a row in the log and in the journal."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from crm_chassis.kernel.clock import parse_rfc3339, rfc3339
from crm_chassis.kernel.ids import collection_of
from crm_chassis.memory import exact

if TYPE_CHECKING:
    from google.protobuf.message import Message

CONTENT_TYPE = "application/cloudevents+json"
# What the database holds as a whole number.
_LARGEST = 2**63 - 1


class Undecodable(Exception):
    """The bytes are not an event of ours."""


class Unencodable(Exception):
    """The row of the log is not one of an event: somebody has changed it by hand."""


@dataclass(frozen=True)
class Event:
    """What happened to one resource, and the whole resource after it.

    `sequence` is the resource's version; `customers` the contacts and organizations that it
    concerns; `parent` the resource whose owner and teams decide who may see it; `data` the
    resource in proto3 JSON.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    sequence: int
    customers: tuple[str, ...]
    parent: str
    paths: tuple[str, ...]
    datahash: str
    salt: str
    actor: str
    correlationid: str
    causationid: str
    traceparent: str
    data: dict[str, Any]

    @property
    def service(self) -> str:
        """The service that announced it, as people write it: `service-desk`."""
        return self.source.rsplit("/", 1)[-1]

    @property
    def collection(self) -> str:
        """The collection of its resource."""
        return collection_of(self.subject)

    @property
    def word(self) -> str:
        """What happened, in the past tense."""
        return self.type.rsplit(".", 2)[-2]

    @cached_property
    def resource(self) -> "Message":
        """The resource as its message.

        Raises:
            Undecodable: nobody announces the type.
        """
        from google.protobuf import json_format

        from crm_chassis.events.catalog import message_of

        message = message_of(self.type)
        if message is None:
            raise Undecodable(f"no resource announces {self.type}")
        return json_format.ParseDict(self.data, message(), ignore_unknown_fields=True)

    def to_row(self) -> dict[str, Any]:
        """The event as the log and the journal keep it."""
        row = {name: getattr(self, name) for name in _ATTRIBUTES}
        row["_id"] = row.pop("id")
        row["customers"] = list(self.customers)
        row["paths"] = list(self.paths)
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Event":
        """The event of a row of the log or the journal."""
        values = {name: row[name] for name in _ATTRIBUTES if name != "id"}
        values["customers"] = tuple(row["customers"])
        values["paths"] = tuple(row["paths"])
        return cls(id=row["_id"], **values)


_ATTRIBUTES = tuple(field.name for field in fields(Event))
_TEXTS = ("correlationid", "causationid", "traceparent", "datahash", "salt", "actor")


def row_to_cloudevent(row: Mapping[str, Any]) -> bytes:
    """A row of the log as structured CloudEvents JSON.

    Raises:
        Unencodable: the row lacks an attribute, or has something else in its place.
    """
    try:
        return exact(orjson.dumps(_document(row)))
    except (LookupError, TypeError, AttributeError) as error:
        raise Unencodable(f"{type(error).__name__}: {error}") from error


def _document(row: Mapping[str, Any]) -> dict[str, Any]:
    document = {
        "specversion": "1.0",
        "id": row["_id"],
        "source": row["source"],
        "type": row["type"],
        "subject": row["subject"],
        "time": rfc3339(row["time"]),
        "datacontenttype": "application/json",
        "sequence": row["sequence"],
        "customers": " ".join(row["customers"]),
        "parent": row["parent"],
        "paths": " ".join(row["paths"]),
    }
    for name in _TEXTS:
        if row[name]:
            document[name] = row[name]
    document["data"] = row["data"]
    return document


def to_cloudevent(event: Event) -> bytes:
    """The event as structured CloudEvents JSON."""
    return row_to_cloudevent(event.to_row())


def from_cloudevent(body: bytes) -> Event:
    """The event that the bytes hold.

    Raises:
        Undecodable: they are not JSON, not CloudEvents 1.0, or an attribute is missing or none.
    """
    try:
        document = orjson.loads(body)
        if document["specversion"] != "1.0" or not isinstance(document["data"], dict):
            raise Undecodable("not a structured CloudEvent of version 1.0")
        return Event(
            id=_text(document, "id"),
            source=_text(document, "source"),
            type=_text(document, "type"),
            subject=_name(document, "subject"),
            time=parse_rfc3339(document["time"]),
            sequence=_number(document, "sequence"),
            customers=tuple(document["customers"].split()),
            parent=_name(document, "parent"),
            paths=tuple(document["paths"].split()),
            data=document["data"],
            **{name: _text(document, name) if name in document else "" for name in _TEXTS},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Undecodable(f"{type(error).__name__}: {error}") from error


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str) or not value:
        raise Undecodable(f"the attribute {name} is not a text")
    return value


def _name(document: Mapping[str, Any], name: str) -> str:
    """A resource name: collections and ids by turns."""
    value = _text(document, name)
    segments = value.split("/")
    if len(segments) % 2 or not all(segments):
        raise Undecodable(f"the attribute {name} is not the name of a resource")
    return value


def _number(document: Mapping[str, Any], name: str) -> int:
    value = document[name]
    if type(value) is not int or not 0 < value <= _LARGEST:
        raise Undecodable(f"the attribute {name} is not a number from 1 on")
    return value
