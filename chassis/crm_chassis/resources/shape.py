"""The shape of a message, read once from its descriptor: what the translators are built from."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from crm.api.v1 import options_pb2
from google.api import resource_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from crm_chassis.events.options import option_of


class Kind(Enum):
    """How a field's value is stored and written."""

    PLAIN = auto()
    INT64 = auto()
    BYTES = auto()
    ENUM = auto()
    TIMESTAMP = auto()
    MONEY = auto()
    STRUCT = auto()
    MESSAGE = auto()


_WELL_KNOWN = {
    "google.protobuf.Timestamp": Kind.TIMESTAMP,
    "google.type.Money": Kind.MONEY,
    "google.protobuf.Struct": Kind.STRUCT,
}
_INT64 = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its names, its kind, and what its options say."""

    descriptor: FieldDescriptor
    name: str
    json_name: str
    kind: Kind
    repeated: bool
    is_map: bool
    presence: bool
    filterable: bool
    sortable: bool
    reference: str
    message: Descriptor | None

    @property
    def many(self) -> bool:
        """Whether it holds a list."""
        return self.repeated and not self.is_map


@dataclass(frozen=True, slots=True)
class Pattern:
    """Where a resource's names come from: `contacts/{contact}/interactions/{interaction}`."""

    type: str
    collection: str
    container: str | None


@cache
def fields_of(descriptor: Descriptor) -> tuple[Field, ...]:
    """The fields of a message, in the order of their numbers."""
    return tuple(_field(field) for field in descriptor.fields)


@cache
def field_names(descriptor: Descriptor) -> frozenset[str]:
    """The names of a message's fields."""
    return frozenset(field.name for field in descriptor.fields)


@cache
def pattern_of(descriptor: Descriptor) -> Pattern:
    """What the message's google.api.resource option says.

    Raises:
        ValueError: it has none.
    """
    option = option_of(descriptor, resource_pb2.resource)
    if not option.pattern:
        raise ValueError(f"{descriptor.full_name} is no resource")
    segments = option.pattern[0].split("/")
    return Pattern(option.type, segments[-2], segments[-4] if len(segments) > 2 else None)


def _field(field: FieldDescriptor) -> Field:
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    return Field(
        descriptor=field,
        name=field.name,
        json_name=field.json_name,
        kind=_kind(field),
        repeated=field.is_repeated,
        is_map=is_map,
        presence=field.has_presence,
        filterable=option_of(field, options_pb2.filterable),
        sortable=option_of(field, options_pb2.sortable),
        reference=option_of(field, resource_pb2.resource_reference).type,
        message=field.message_type,
    )


def _kind(field: FieldDescriptor) -> Kind:
    if field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            return _kind(field.message_type.fields_by_name["value"])
        return _WELL_KNOWN.get(field.message_type.full_name, Kind.MESSAGE)
    if field.enum_type is not None:
        return Kind.ENUM
    if field.type in _INT64:
        return Kind.INT64
    return Kind.BYTES if field.type == FieldDescriptor.TYPE_BYTES else Kind.PLAIN


def walk(descriptor: Descriptor, prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every field below a message with its dotted path; messages come before what is in them."""
    for field in fields_of(descriptor):
        path = prefix + field.name
        yield path, field
        if field.kind is Kind.MESSAGE and not field.is_map and field.message is not None:
            yield from walk(field.message, path + ".")
