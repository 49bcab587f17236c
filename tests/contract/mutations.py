"""Bad values for every field, derived from what the protos declare of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from buf.validate import validate_pb2
from crm.api.v1 import options_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from crm_chassis.events.options import option_of
from crm_chassis.resources.shape import fields_of

ONE_LINE, LONGEST = 255, 65_536
_F = FieldDescriptor
_INTEGERS = (_F.CPPTYPE_INT32, _F.CPPTYPE_INT64)
_INSTANTS = (
    "",
    "yesterday",
    "2026-05-03",
    "2026-05-03T12:00:00",
    "2026-02-30T00:00:00Z",
    "2026-05-03T25:00:00Z",
    "2026-05-03T12:00:00+25:00",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
)
# Values that are not in the public lists.
_OFF_LISTS = {
    options_pb2.CALENDAR_DAY: ("2026-02-30", "2026-13-01", "2026-1-1", "03.05.2026", "20260503"),
    options_pb2.LANGUAGE: ("english", "de_CH", "zz", "d", "de--CH", "x" * 300),
    options_pb2.TIME_ZONE: ("Mars/Base", "CEST+1", "../UTC", "europe/zurich", "x" * 300),
    options_pb2.REGION: ("ZZ", "ch", "CHE", "Switzerland", "Ⅽ" * 2),
    options_pb2.CURRENCY: ("ZZZ", "chf", "CH"),
}
# What a string of a well-known form is not.
_MISFORMED = {
    "email": ("nobody", "a@", "@example.com", "a b@example.com", "a@b@c.example", "a@exa mple"),
    "hostname": ("not a host", "-acme.example", "acme..example", "https://acme.example"),
}


@dataclass(frozen=True)
class Bad:
    """A value with one fault in it: where, and by which word it is told of."""

    value: Any
    field: str
    reason: str


def of_message(descriptor: Descriptor, example: dict[str, Any], prefix: str = "") -> Iterator[Bad]:
    """The example with a fault in one of its fields, again and again."""
    known = {field.json_name: field for field in fields_of(descriptor)}
    yield Bad({**example, "noSuchField": 1}, f"{prefix}noSuchField", "UNKNOWN_FIELD")
    for name, value in example.items():
        field = known[name].descriptor
        if "_" in field.name:
            misspelt = {field.name: value, **example}
            yield Bad(misspelt, f"{prefix}{field.name}", "UNKNOWN_FIELD")
        for bad in of_field(field, value):
            yield Bad({**example, name: bad.value}, f"{prefix}{name}{bad.field}", bad.reason)


def of_field(field: FieldDescriptor, value: Any) -> Iterator[Bad]:
    """Faults in a field: a list, a map or one value."""
    rules = option_of(field, validate_pb2.field)
    if isinstance(value, dict) and field.is_repeated:
        yield from _of_map(rules.map, value)
    elif field.is_repeated:
        yield from _of_list(field, rules.repeated, value)
    else:
        yield from _of_single(field, rules, value)


def nulls(example: dict[str, Any]) -> Iterator[Bad]:
    """The example with a null for one of its fields."""
    for name in example:
        yield Bad({**example, name: None}, name, "NULL_VALUE")


def _of_list(field: FieldDescriptor, rules: Any, value: list[Any]) -> Iterator[Bad]:
    for wrong in ("x", 1, True, {}):
        yield Bad(wrong, "", "WRONG_TYPE")
    yield Bad([*value, None], f"[{len(value)}]", "NULL_VALUE")
    for bad in _of_single(field, rules.items, value[0]):
        yield Bad([bad.value, *value[1:]], f"[0]{bad.field}", bad.reason)
    if rules.unique:
        yield Bad([*value, value[0]], "", "REPEATED_UNIQUE")
    if rules.HasField("max_items"):
        yield Bad([value[0]] * (rules.max_items + 1), "", "REPEATED_MAX_ITEMS")


def _of_map(rules: Any, value: dict[str, Any]) -> Iterator[Bad]:
    for wrong in ("x", 1, True, []):
        yield Bad(wrong, "", "WRONG_TYPE")
    key, item = next(iter(value.items()))
    yield Bad({**value, key: None}, f".{key}", "NULL_VALUE")
    yield Bad({**value, key: 7}, f".{key}", "WRONG_TYPE")
    yield Bad({**value, key: ""}, f".{key}", "STRING_MIN_LEN")
    yield Bad({**value, key: "x" * (ONE_LINE + 1)}, f".{key}", "STRING_MAX_LEN")
    yield Bad({**value, "Bad": item}, ".Bad", "STRING_PATTERN")
    most = {f"k{number}": item for number in range(rules.max_pairs + 1)}
    yield Bad(most, "", "MAP_MAX_PAIRS")


def _of_single(field: FieldDescriptor, rules: Any, value: Any) -> Iterator[Bad]:
    if field.message_type is not None:
        yield from _of_inner(field.message_type, value)
    elif field.enum_type is not None:
        yield from _of_enum(field)
    elif field.cpp_type == _F.CPPTYPE_STRING:
        yield from _of_string(field, rules.string)
    elif field.cpp_type in _INTEGERS:
        yield from _of_integer(field, rules)
    else:
        assert field.cpp_type == _F.CPPTYPE_BOOL, f"nothing says what {field.full_name} cannot be"
        for wrong in ("true", 1, 0, [], {}):
            yield Bad(wrong, "", "WRONG_TYPE")


def _of_inner(message: Descriptor, value: Any) -> Iterator[Bad]:
    if message.full_name == "google.protobuf.Timestamp":
        for wrong in (7, 1.5, True, [], {}):
            yield Bad(wrong, "", "WRONG_TYPE")
        for text in _INSTANTS:
            yield Bad(text, "", "MALFORMED_VALUE")
        return
    for wrong in ("x", 1, True, []):
        yield Bad(wrong, "", "WRONG_TYPE")
    yield from of_message(message, value, ".")


def _of_integer(field: FieldDescriptor, rules: Any) -> Iterator[Bad]:
    """64 bits are told as a text, 32 as a number."""
    is_wide = field.cpp_type == _F.CPPTYPE_INT64
    for wrong in (True, [], {}, 7 if is_wide else "7"):
        yield Bad(wrong, "", "WRONG_TYPE")
    for text in ("x", "1.5", "", "0x10") if is_wide else ():
        yield Bad(text, "", "MALFORMED_VALUE")
    beyond = 2 ** (63 if is_wide else 31)
    for number in (beyond, -beyond - 1):
        yield Bad(str(number) if is_wide else number, "", "OUT_OF_RANGE")
    if rules.HasField("int32"):
        yield Bad(rules.int32.gte - 1, "", "INT32_GTE_LTE")
        yield Bad(rules.int32.lte + 1, "", "INT32_GTE_LTE")


def _of_enum(field: FieldDescriptor) -> Iterator[Bad]:
    names = {value.number: value.name for value in field.enum_type.values}
    for wrong in (1, 0, 1.5, True, [], {}):
        yield Bad(wrong, "", "WRONG_TYPE")
    for text in ("", "NOPE", names[0], names[1].lower(), f"{field.name.upper()}_{names[1]}", "1"):
        yield Bad(text, "", "UNKNOWN_VALUE")


def _of_string(field: FieldDescriptor, rules: Any) -> Iterator[Bad]:
    for wrong in (7, 1.5, True, [], {}, ["x"]):
        yield Bad(wrong, "", "WRONG_TYPE")
    if rules.HasField("min_len"):
        yield Bad("", "", "STRING_MIN_LEN")
    if rules.HasField("max_len"):
        longest = "x" * (rules.max_len + 1)
        yield Bad(longest, "", "STRING_MAX_LEN")
    if rules.HasField("pattern"):
        for text in ("!", "../x", "x y", "x" * 300, "\u0000", "x\n"):
            yield Bad(text, "", "STRING_PATTERN")
    known = rules.WhichOneof("well_known")
    for text in _MISFORMED.get(known, ()):
        yield Bad(text, "", f"STRING_{known.upper()}")
    standard = option_of(field, options_pb2.standard)
    for text in _OFF_LISTS.get(standard, ()):
        yield Bad(text, "", f"UNKNOWN_{options_pb2.Standard.Name(standard)}")


def strings_of(descriptor: Descriptor, example: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each string of the example by its place, and the example with a much too long one there."""
    endless = "x" * (LONGEST + 1)
    known = {field.json_name: field for field in fields_of(descriptor)}
    for name, value in example.items():
        field = known[name]
        for place, longer in _lengthened(field.descriptor, value, endless):
            yield f"{name}{place}", {**example, name: longer}


def _lengthened(field: FieldDescriptor, value: Any, text: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, str):
        if field.cpp_type == _F.CPPTYPE_STRING:
            yield "", text
    elif isinstance(value, list):
        for place, item in _lengthened(field, value[0], text):
            yield f"[0]{place}", [item, *value[1:]]
    elif isinstance(value, dict):
        below = {each.json_name: each.descriptor for each in fields_of(field.message_type)}
        for name, inner in value.items():
            if name in below:
                for place, item in _lengthened(below[name], inner, text):
                    yield f".{name}{place}", {**value, name: item}
