"""What messages refer to: the names in fields that declare google.api.resource_reference."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import collection_of, id_of
from crm_chassis.mongo.connection import database
from crm_chassis.resources.document import Resource
from crm_chassis.resources.masks import is_read_only
from crm_chassis.resources.reading import find_row
from crm_chassis.resources.shape import Field, Kind, fields_of
from crm_chassis.resources.visibility import is_visible
from crm_chassis.telemetry.context import Principal, current_call


class Reference(NamedTuple):
    """A name that a message holds: where, of which type (`crm/Contact`), and the name."""

    path: str
    type: str
    name: str


Finder = Callable[[Any, str], Iterator[Reference]]


def finder_of(descriptor: Descriptor, passing_over: Collection[str] = ()) -> Finder | None:
    """Finds what messages of a type refer to, with paths below a prefix; None when nothing can.

    Fields that the system sets are passed over, and so are those named.
    """
    finders = [
        finder for name, finder in finders_of(descriptor).items() if name not in passing_over
    ]
    return _together(finders) if finders else None


@cache
def finders_of(descriptor: Descriptor) -> Mapping[str, Finder]:
    """The same by field."""
    return {
        field.name: finder
        for field in fields_of(descriptor)
        if not is_read_only(field) and (finder := _finder(field)) is not None
    }


def _together(finders: Iterable[Finder]) -> Finder:
    parts = tuple(finders)

    def find(message: Message, prefix: str) -> Iterator[Reference]:
        for part in parts:
            yield from part(message, prefix)

    return find


def _finder(field: Field) -> Finder | None:
    if field.reference:
        return _names(field)
    if field.kind is not Kind.MESSAGE or field.message is None or field.is_map:
        return None
    if not field.message.file.package.startswith("crm."):
        return None
    below = finder_of(field.message)
    return _below(field, below) if below is not None else None


def _names(field: Field) -> Finder:
    def find_one(message: Message, prefix: str) -> Iterator[Reference]:
        if name := getattr(message, field.name):
            yield Reference(prefix + field.name, field.reference, name)

    def find_many(message: Message, prefix: str) -> Iterator[Reference]:
        for index, name in enumerate(getattr(message, field.name)):
            yield Reference(f"{prefix}{field.name}[{index}]", field.reference, name)

    return find_many if field.repeated else find_one


def _below(field: Field, below: Finder) -> Finder:
    def find_one(message: Message, prefix: str) -> Iterator[Reference]:
        if message.HasField(field.name):
            yield from below(getattr(message, field.name), f"{prefix}{field.name}.")

    def find_many(message: Message, prefix: str) -> Iterator[Reference]:
        for index, item in enumerate(getattr(message, field.name)):
            yield from below(item, f"{prefix}{field.name}[{index}].")

    return find_many if field.repeated else find_one


def seen_of_own(document: type[Resource], names: Collection[str]) -> set[str]:
    """Those of the names whose resources stand in own rows and may be seen by the caller."""
    if document.container_document is not None:
        return {name for name in names if _is_found(document, name)}
    principal = current_call().principal
    wanted = {"_id": {"$in": [id_of(name) for name in names]}, "delete_time": None}
    fields = {document.owner_field: 1, document.teams_field: 1}
    found = {
        f"{document.collection()}/{row['_id']}"
        for row in document.rows().find(wanted, fields)
        if is_visible(document, row, principal)
    }
    return found.intersection(names)


def _is_found(document: type[Resource], name: str) -> bool:
    try:
        find_row(document, name)
    except NotFound:
        return False
    return True


def seen_of_known(names: Collection[str]) -> set[str]:
    """Those of the names that are known from events, stand, and may be seen by the caller."""
    principal = current_call().principal
    rows = database()["known"].find({"_id": {"$in": list(names)}, "deleted": False})
    return {row["_id"] for row in rows if _admits(row, principal)}


def _admits(row: Mapping[str, Any], principal: Principal) -> bool:
    level = principal.level(collection_of(row["_id"]), "READ")
    if level in (None, "ALL"):
        return level == "ALL"
    if row["owner"] is not None and row["owner"] == principal.user:
        return True
    return level == "TEAM" and not principal.team_scope.isdisjoint(row["teams"])
