"""The document's schemas: a message as it goes out, as it comes in, and as a change of it."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from crm_gateway.transcoding.codec.messages import PASSED_OVER
from crm_gateway.transcoding.constraints import Constraints, Keywords
from crm_gateway.transcoding.schema import Schema, entry_of, is_map

Document = dict[str, Any]

_F = FieldDescriptor
_INSTANT: Keywords = {
    "type": "string",
    "format": "date-time",
    "examples": ["2026-05-03T12:00:00.000Z"],
}
_MOST_NANOS = 999_999_999
_MONEY: Keywords = {
    "type": "object",
    "description": "An amount of money.",
    "properties": {
        "currencyCode": {
            "type": "string",
            "pattern": "^[A-Z]{3}$",
            "description": "A currency of ISO 4217.",
            "examples": ["CHF"],
        },
        "units": {
            "type": "string",
            "pattern": r"^-?(0|[1-9]\d{0,17})$",
            "description": "The whole units.",
        },
        "nanos": {
            "type": "integer",
            "format": "int32",
            "minimum": -_MOST_NANOS,
            "maximum": _MOST_NANOS,
            "description": "The rest in billionths, of the same sign.",
        },
    },
    "required": ["currencyCode"],
    "additionalProperties": False,
}
_MASK_PATH = r"[a-z][A-Za-z0-9]*(\.[A-Za-z0-9_-]+)?"
_WELL_KNOWN: Mapping[str, Keywords] = {
    "google.protobuf.Timestamp": _INSTANT,
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d{1,12}(\.\d{1,9})?s$"},
    "google.protobuf.FieldMask": {
        "type": "string",
        "pattern": f"^{_MASK_PATH}(,{_MASK_PATH})*$",
    },
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.type.Money": _MONEY,
    "google.protobuf.Value": {"description": "Any JSON."},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
}
_SCALARS: Mapping[int, Keywords] = {
    _F.CPPTYPE_STRING: {"type": "string"},
    _F.CPPTYPE_BOOL: {"type": "boolean"},
    _F.CPPTYPE_INT32: {
        "type": "integer",
        "format": "int32",
        "minimum": -(2**31),
        "maximum": 2**31 - 1,
    },
    _F.CPPTYPE_UINT32: {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**32 - 1},
    _F.CPPTYPE_INT64: {"type": "string", "pattern": r"^-?(0|[1-9]\d{0,17})$"},
    _F.CPPTYPE_UINT64: {"type": "string", "pattern": r"^(0|[1-9]\d{0,17})$"},
    _F.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    _F.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
}
_BYTES: Keywords = {"type": "string", "contentEncoding": "base64"}


class Side(Enum):
    """Which way a message goes, and what its schema is called then."""

    OUT = ""
    INPUT = "Input"
    UPDATE = "Update"


class Components:
    """Collects the schemas that the document refers to."""

    def __init__(self, schema: Schema, outgoing: Iterable[Descriptor]) -> None:
        self._schema = schema
        self._constraints = Constraints(schema)
        self._outgoing = {name for message in outgoing for name in _reached(message)}
        self._owners: dict[str, str] = {}
        self.schemas: dict[str, Document] = {}

    def reference(
        self, message: Descriptor, side: Side, leaving_out: Iterable[str] = ()
    ) -> Document:
        """A schema that refers to the message's own; fields `leaving_out` are not in it."""
        known = _well_known(message)
        if known is not None:
            return dict(known)
        name = self._name(message, side)
        if name not in self.schemas:
            self.schemas[name] = {}
            self.schemas[name] = self._object(message, side, frozenset(leaving_out))
        return {"$ref": f"#/components/schemas/{name}"}

    def field(self, field: FieldDescriptor, side: Side) -> Document:
        """The schema of a field, with what the proto says of it."""
        described = self._value(field, side)
        if side is not Side.OUT:
            described = _with_constraints(described, self._constraints.of(field))
        comment = self._schema.comment(field)
        behaviors = self._schema.behaviors(field)
        if comment:
            described["description"] = comment
        if side is Side.OUT and behaviors & {"OUTPUT_ONLY", "IDENTIFIER"}:
            described["readOnly"] = True
        return described

    def mask(self, resource: Descriptor) -> Document:
        """The schema of a mask over the fields of a resource that may be changed."""
        names = [
            field.json_name + (r"(\.[A-Za-z0-9_-]+)?" if is_map(field) else "")
            for field in resource.fields
            if not self._schema.behaviors(field) & {"OUTPUT_ONLY", "IDENTIFIER"}
        ]
        path = f"({'|'.join(names)})"
        return {"type": "string", "pattern": f"^{path}(,{path})*$"}

    def is_required(self, field: FieldDescriptor) -> bool:
        return "REQUIRED" in self._schema.behaviors(field)

    def _object(self, message: Descriptor, side: Side, leaving_out: frozenset[str]) -> Document:
        fields = [field for field in message.fields if field.name not in leaving_out]
        if side is not Side.OUT:
            fields = [field for field in fields if self._may_be_sent(field)]
        described: Document = {"type": "object"}
        if comment := self._schema.comment(message):
            described["description"] = comment
        inner = Side.OUT if side is Side.OUT else Side.INPUT
        described["properties"] = {field.json_name: self.field(field, inner) for field in fields}
        if side is not Side.OUT:
            described["properties"] |= self._passed_over(fields)
        required = [field.json_name for field in fields if self._is_always_there(field, side)]
        if required:
            described["required"] = required
        if side is not Side.OUT:
            described["additionalProperties"] = False
            described |= _choices(message)
        if side is Side.UPDATE:
            for field in fields:
                if field.name not in PASSED_OVER and not self.is_required(field):
                    described["properties"][field.json_name] = _or_null(
                        described["properties"][field.json_name]
                    )
        return described

    def _passed_over(self, fields: Iterable[FieldDescriptor]) -> Document:
        """Of these it is only looked whether they are strings."""
        words = "Passed over: the system sets it."
        return {
            field.json_name: {"type": "string", "description": words}
            for field in fields
            if field.name in PASSED_OVER
            and self._schema.behaviors(field) & {"OUTPUT_ONLY", "IDENTIFIER"}
        }

    def _may_be_sent(self, field: FieldDescriptor) -> bool:
        """What the system sets is not taken, but name and tag are: they are passed over."""
        behaviors = self._schema.behaviors(field)
        return field.name in PASSED_OVER or not behaviors & {"OUTPUT_ONLY", "IDENTIFIER"}

    def _is_always_there(self, field: FieldDescriptor, side: Side) -> bool:
        if side is Side.UPDATE:
            return False
        if side is Side.INPUT:
            return self.is_required(field)
        is_enum = field.enum_type is not None and not field.is_repeated
        return not field.has_presence and not is_enum

    def _value(self, field: FieldDescriptor, side: Side) -> Document:
        if is_map(field):
            _, value = entry_of(field)
            return {"type": "object", "additionalProperties": self._single(value, side)}
        single = self._single(field, side)
        return {"type": "array", "items": single} if field.is_repeated else single

    def _single(self, field: FieldDescriptor, side: Side) -> Document:
        if field.message_type is not None:
            return self.reference(field.message_type, side)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return dict(_BYTES)
        return dict(_SCALARS[field.cpp_type])

    def _enum(self, enum: EnumDescriptor) -> Document:
        name = self._named(_joined(enum), enum.full_name)
        if name not in self.schemas:
            values = [value for value in enum.values if value.number]
            words = "".join(
                f"\n- `{value.name}`: {self._schema.comment(value)}" for value in values
            )
            self.schemas[name] = {
                "type": "string",
                "description": self._schema.comment(enum) + words,
                "enum": [value.name for value in values],
            }
        return {"$ref": f"#/components/schemas/{name}"}

    def _name(self, message: Descriptor, side: Side) -> str:
        """The suffix tells apart; a message that never goes out needs none."""
        suffix = side.value if message.full_name in self._outgoing or side is Side.UPDATE else ""
        return self._named(_joined(message) + suffix, f"{message.full_name} {side.name}")

    def _named(self, name: str, owner: str) -> str:
        if self._owners.setdefault(name, owner) != owner:
            raise ValueError(f"{owner} and {self._owners[name]} would both be called {name}")
        return name


def _well_known(message: Descriptor) -> Keywords | None:
    if message.full_name in _WELL_KNOWN:
        return _WELL_KNOWN[message.full_name]
    if message.file.name == "google/protobuf/wrappers.proto":
        field = message.fields_by_name["value"]
        return _BYTES if field.type == FieldDescriptor.TYPE_BYTES else _SCALARS[field.cpp_type]
    return None


def _joined(described: Descriptor | EnumDescriptor) -> str:
    """`ContactPosition` for a Position that is declared in Contact."""
    package = described.file.package
    return described.full_name.removeprefix(f"{package}.").replace(".", "")


def _reached(message: Descriptor) -> set[str]:
    """The names of a message and of all that it holds."""
    found: set[str] = set()
    waiting = [message]
    while waiting:
        next_one = waiting.pop()
        if next_one.full_name not in found:
            found.add(next_one.full_name)
            waiting += [field.message_type for field in next_one.fields if field.message_type]
    return found


def _choices(message: Descriptor) -> Document:
    """Of each oneof at most one field: pairs that may not be there together."""
    pairs = [
        {"required": [one.json_name, other.json_name]}
        for choice in message.oneofs
        for place, one in enumerate(choice.fields)
        for other in choice.fields[place + 1 :]
    ]
    return {"not": {"anyOf": pairs}} if pairs else {}


def _with_constraints(described: Document, keywords: Keywords) -> Document:
    joined = dict(described)
    for key, value in keywords.items():
        inner = joined.get(key)
        joined[key] = inner | value if isinstance(inner, dict) and "$ref" not in inner else value
    return joined


def _or_null(described: Document) -> Document:
    """The same, or null, which clears the field."""
    if "type" in described:
        return described | {"type": [described["type"], "null"]}
    words = {key: described[key] for key in ("description",) if key in described}
    inner = {key: value for key, value in described.items() if key not in words}
    return {"anyOf": [inner, {"type": "null"}], **words}
