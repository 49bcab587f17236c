"""Which contacts and organizations a resource concerns, found by what its proto refers to."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor

from crm_chassis.kernel.ids import collection_of
from crm_chassis.resources.shape import Field, Kind, fields_of, pattern_of, walk
from crm_chassis.resources.translate import name_of

_TYPES = {"contacts": "crm/Contact", "organizations": "crm/Organization"}
CUSTOMER_TYPES = frozenset(_TYPES.values())
CUSTOMERS = frozenset(_TYPES)
Finder = Callable[[Mapping[str, Any]], Iterator[str]]


def customers_of(descriptor: Descriptor, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of the customers that the rows (before and after a change) concern, sorted."""
    pattern, find = pattern_of(descriptor), _finder(descriptor)
    found: set[str] = set()
    for row in rows:
        if pattern.type in CUSTOMER_TYPES:
            found.add(name_of(row, pattern.collection))
        if pattern.container in CUSTOMERS:
            found.add(row["container"])
        found.update(find(row))
    return sorted(found)


@cache
def paths_to(descriptor: Descriptor, collection: str) -> tuple[str, ...]:
    """The dotted paths of the fields that refer to customers of a collection."""
    wanted = _TYPES[collection]
    return tuple(path for path, field in walk(descriptor) if field.reference == wanted)


def concerning(descriptor: Descriptor, customer: str) -> dict[str, Any]:
    """The condition for rows that refer to a contact or an organization."""
    paths = paths_to(descriptor, collection_of(customer))
    return {"$or": [{path: customer} for path in paths]} if paths else {"_id": {"$in": []}}


@cache
def _finder(descriptor: Descriptor) -> Finder:
    finders = [
        (field.name, finder)
        for field in fields_of(descriptor)
        if (finder := _field_finder(field)) is not None
    ]

    def find(row: Mapping[str, Any]) -> Iterator[str]:
        for name, finder in finders:
            value = row.get(name)
            if value:
                yield from finder(value)

    return find


def _field_finder(field: Field) -> Callable[[Any], Iterator[str]] | None:
    if field.reference in CUSTOMER_TYPES:
        return iter if field.repeated else (lambda value: iter((value,)))
    if field.kind is not Kind.MESSAGE or field.is_map or field.message is None:
        return None
    if not _refers(field.message):
        return None
    below = _finder(field.message)
    if field.repeated:
        return lambda value: (name for item in value for name in below(item))
    return below


@cache
def _refers(descriptor: Descriptor) -> bool:
    return any(_field_finder(field) is not None for field in fields_of(descriptor))
