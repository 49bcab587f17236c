"""AIP-160 filters compiled to MongoDB conditions, over declared fields only."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, cast

from bson import Decimal128
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from crm_chassis.kernel.clock import parse_rfc3339
from crm_chassis.resources.filter_syntax import Comparison, Tree, parse_filter, refuse_filter
from crm_chassis.resources.shape import Field, Kind, fields_of

Condition = dict[str, Any]
_OPERATORS: Mapping[str, str] = {
    "=": "$eq",
    "!=": "$ne",
    "<": "$lt",
    "<=": "$lte",
    ">": "$gt",
    ">=": "$gte",
    ":": "$eq",
}
_ORDERED = frozenset({"<", "<=", ">", ">="})
# RFC 3339; ISO 8601 knows more ways to write an instant.
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Filterable:
    """A field that may stand in a filter: where it is stored, and how its values are read."""

    stored: str
    field: Field
    money_part: str = ""


def compile_filter(descriptor: Descriptor, text: str) -> Condition:
    """The MongoDB condition for rows of the message that a filter asks for; {} when it is blank.

    Raises:
        Invalid: the filter is not in the language, names a field that is not declared
            filterable, or compares one with what it cannot be.
    """
    tree = parse_filter(text)
    return {} if tree is None else _compile(tree, filterable_fields(descriptor))


@cache
def filterable_fields(descriptor: Descriptor) -> Mapping[str, Filterable]:
    """What may stand in a filter of the message, by the path that REST knows it by."""
    found: dict[str, Filterable] = {}
    for field in fields_of(descriptor):
        _collect(found, field, "", "")
    return found


def _collect(found: dict[str, Filterable], field: Field, path: str, stored: str) -> None:
    path, stored = path + field.json_name, stored + field.name
    if field.filterable:
        found[path] = Filterable(stored, field)
        if field.kind is Kind.MONEY:
            found[path] = Filterable(f"{stored}.amount", field, "amount")
            code = Filterable(f"{stored}.currency_code", field, "currency_code")
            found[f"{path}.currencyCode"] = code
    elif field.kind is Kind.MESSAGE and not field.is_map and field.message is not None:
        for below in fields_of(field.message):
            _collect(found, below, path + ".", stored + ".")


def _compile(tree: Tree, fields: Mapping[str, Filterable]) -> Condition:
    if isinstance(tree, Comparison):
        return _compare(tree, fields)
    parts = [_compile(part, fields) for part in tree.parts]
    return {{"and": "$and", "or": "$or", "not": "$nor"}[tree.how]: parts}


def _compare(comparison: Comparison, fields: Mapping[str, Filterable]) -> Condition:
    found = _find(comparison.path, fields)
    if found.stored == "name":
        return _compare_name(comparison)
    if comparison.value == "*" and not comparison.quoted:
        if comparison.operator not in {"=", "!=", ":"}:
            raise refuse_filter("* stands for any value and is only compared with = or :")
        is_there = _is_there(found.field)
        return {found.stored: {"$not": is_there} if comparison.operator == "!=" else is_there}
    value = _read(found, comparison)
    if value is True or value is False:
        # What is not set is not stored.
        wanted = value is (comparison.operator != "!=")
        return {found.stored: True if wanted else {"$in": [False, None]}}
    if isinstance(value, re.Pattern):
        if comparison.operator == "!=":
            return {found.stored: {"$not": value}}
        return {found.stored: value}
    return {found.stored: {_OPERATORS[comparison.operator]: value}}


def _is_there(field: Field) -> Condition:
    """The condition for any value; in a list one that has it is enough."""
    is_text = field.is_map or field.descriptor.type == FieldDescriptor.TYPE_STRING
    return {"$gt": ""} if is_text or field.kind is Kind.ENUM else {"$nin": [None, [], {}]}


def _compare_name(comparison: Comparison) -> Condition:
    if comparison.operator not in {"=", "!="}:
        raise refuse_filter("name can only be compared with = and !=")
    return {"_id": {_OPERATORS[comparison.operator]: comparison.value.rsplit("/", 1)[-1]}}


def _find(path: str, fields: Mapping[str, Filterable]) -> Filterable:
    found = fields.get(path)
    if found is not None and not found.field.is_map:
        return found
    container, _, key = path.rpartition(".")
    found = fields.get(container)
    if found is not None and found.field.is_map and re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key):
        return Filterable(f"{found.stored}.{key}", found.field)
    raise refuse_filter(f"{path} is not a field that can be filtered by", "UNKNOWN_FIELD")


def _read(found: Filterable, comparison: Comparison) -> Any:
    if found.money_part == "currency_code":
        return comparison.value
    reader = _READERS.get(found.field.kind, _read_plain)
    return reader(found.field, comparison)


def _read_plain(field: Field, comparison: Comparison) -> Any:
    kind = field.descriptor.type
    if field.is_map or kind == FieldDescriptor.TYPE_STRING:
        return _read_text(comparison)
    if kind == FieldDescriptor.TYPE_BOOL:
        return _read_bool(field, comparison)
    return _read_number(field, comparison)


def _read_text(comparison: Comparison) -> Any:
    """The text, or what matches it where it begins or ends with `*` (AIP-160)."""
    value = comparison.value
    is_open = value.startswith("*"), value.endswith("*")
    if comparison.operator in _ORDERED or not any(is_open):
        return value
    text = re.escape(value.removeprefix("*").removesuffix("*"))
    return re.compile(("" if is_open[0] else "^") + text + ("" if is_open[1] else r"\Z"))


def _read_bool(field: Field, comparison: Comparison) -> Any:
    if comparison.operator in _ORDERED or comparison.value not in {"true", "false"}:
        raise refuse_filter(f"{field.json_name} is true or false")
    return comparison.value == "true"


def _read_number(field: Field, comparison: Comparison) -> int | float:
    try:
        number = float(comparison.value)
    except ValueError:
        raise refuse_filter(f"{field.json_name} is a number") from None
    return int(number) if number.is_integer() else number


def _read_money(field: Field, comparison: Comparison) -> Decimal128:
    try:
        return Decimal128(Decimal(comparison.value))
    except (InvalidOperation, ValueError):
        raise refuse_filter(f"{field.json_name} is an amount, such as 5000.50") from None


def _read_timestamp(field: Field, comparison: Comparison) -> datetime:
    wrong = refuse_filter(f"{field.json_name} is an instant, such as 2026-05-03T12:00:00Z")
    if not _INSTANT.fullmatch(comparison.value):
        raise wrong
    try:
        return parse_rfc3339(comparison.value.upper())
    except ValueError:
        raise wrong from None


def _read_enum(field: Field, comparison: Comparison) -> str:
    enum = cast(EnumDescriptor, field.descriptor.enum_type)
    known = [value.name for value in enum.values if value.number != 0]
    if comparison.operator in _ORDERED or comparison.value not in known:
        raise refuse_filter(f"{field.json_name} is one of {', '.join(known)}")
    return comparison.value


_READERS: Mapping[Kind, Callable[[Field, Comparison], Any]] = {
    Kind.MONEY: _read_money,
    Kind.TIMESTAMP: _read_timestamp,
    Kind.ENUM: _read_enum,
}
