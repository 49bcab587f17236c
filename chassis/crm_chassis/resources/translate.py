"""Document <-> message <-> JSON, generically: the field names are the same on every side.

A row is what MongoDB holds: snake_case fields, enums by name, instants as dates, money as
`{currency_code, amount: Decimal128}`, nothing for what is not set. The translators are compiled
once per message; none of them knows a noun.
"""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from bson import Decimal128
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from crm_chassis.kernel.clock import MILLISECOND, rfc3339
from crm_chassis.kernel.ids import container_of, id_of
from crm_chassis.kernel.money import Money
from crm_chassis.resources.etags import etag_of
from crm_chassis.resources.shape import Field, Kind, fields_of

if TYPE_CHECKING:
    from crm_chassis.resources.document import Resource

Row = dict[str, Any]
R = TypeVar("R", bound="Resource")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPUTED = frozenset({"name", "etag"})


def name_of(row: Mapping[str, Any], collection: str) -> str:
    """The resource name of a stored row."""
    container = row.get("container")
    return f"{container}/{collection}/{row['_id']}" if container else f"{collection}/{row['_id']}"


def from_message(message: Message, document: type[R]) -> R:
    """A document with the values of the message; its name tells which one a change is for."""
    row = row_from_message(message)
    name: str = message.name  # type: ignore[attr-defined]
    if name:
        row["_id"], row["container"] = id_of(name), container_of(name)
    return document.of_row(row)


def to_message(document: "Resource") -> Message:
    """The message of a document as it was stored or, before that, as it stands."""
    return message_from_row(type(document), document.stored or document.to_row())


def message_from_row(document: "type[Resource]", row: Mapping[str, Any]) -> Message:
    """The message of a stored row, with its name and tag."""
    values = row_values(document.descriptor())(row)
    values["name"] = name_of(row, document.collection())
    values["etag"] = etag_of(row["version"])
    return document.message(**values)


def json_from_row(document: "type[Resource]", row: Mapping[str, Any]) -> Row:
    """The proto3 JSON of a stored row, as REST answers and events carry it."""
    values = row_json(document.descriptor())(row)
    values["name"] = name_of(row, document.collection())
    values["etag"] = etag_of(row["version"])
    return values


def row_from_message(message: Message) -> Row:
    """The row of a message: only what is set, without name and tag."""
    row = _row_of(message.DESCRIPTOR)(message)
    for field in _COMPUTED:
        row.pop(field, None)
    return row


# Message -> row


@cache
def _row_of(descriptor: Descriptor) -> Callable[[Message], Row]:
    readers = {field.name: _reader(field) for field in fields_of(descriptor)}

    def translate(message: Message) -> Row:
        return {field.name: readers[field.name](value) for field, value in message.ListFields()}

    return translate


def _reader(field: Field) -> Callable[[Any], Any]:
    one = _one_reader(field)
    if field.is_map:
        return lambda value: {key: one(item) for key, item in value.items()}
    return (lambda value: [one(item) for item in value]) if field.repeated else one


def _one_reader(field: Field) -> Callable[[Any], Any]:
    if field.kind is Kind.MESSAGE and field.message is not None:
        return _row_of(field.message)
    if field.kind is Kind.ENUM:
        names = {value.number: value.name for value in _enum(field).values}
        return names.__getitem__
    return _SCALAR_READERS.get(field.kind, _same)


def _same(value: Any) -> Any:
    return value


def _read_timestamp(value: Any) -> datetime:
    milliseconds: int = value.seconds * 1000 + value.nanos // 1_000_000
    return _EPOCH + milliseconds * MILLISECOND


def _read_money(value: Any) -> Row:
    money = Money.of(value.currency_code, value.units, value.nanos)
    return {"currency_code": money.currency_code, "amount": Decimal128(money.amount)}


_SCALAR_READERS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TIMESTAMP: _read_timestamp,
    Kind.MONEY: _read_money,
    Kind.STRUCT: MessageToDict,
}


# Row -> keyword arguments of the message


@cache
def row_values(descriptor: Descriptor) -> Callable[[Mapping[str, Any]], Row]:
    """A function from a row to the keyword arguments of its message, in one C call."""
    writers = {
        field.name: _writer(field) for field in fields_of(descriptor) if field.name != "etag"
    }

    def translate(row: Mapping[str, Any]) -> Row:
        return {
            name: writers[name](value)
            for name, value in row.items()
            if value is not None and name in writers
        }

    return translate


def _writer(field: Field) -> Callable[[Any], Any]:
    one = _one_writer(field)
    if field.is_map:
        return lambda value: {key: one(item) for key, item in value.items()}
    return (lambda value: [one(item) for item in value]) if field.repeated else one


def _one_writer(field: Field) -> Callable[[Any], Any]:
    if field.kind is Kind.MESSAGE and field.message is not None:
        return row_values(field.message)
    return _SCALAR_WRITERS.get(field.kind, _same)


def _write_timestamp(value: datetime) -> Row:
    milliseconds = (value - _EPOCH) // MILLISECOND
    return {"seconds": milliseconds // 1000, "nanos": milliseconds % 1000 * 1_000_000}


def _money(value: Mapping[str, Any]) -> Money:
    amount = value["amount"]
    decimal = amount.to_decimal() if isinstance(amount, Decimal128) else Decimal(amount)
    return Money(value["currency_code"], decimal)


def _write_money(value: Mapping[str, Any]) -> Row:
    money = _money(value)
    return {"currency_code": money.currency_code, "units": money.units, "nanos": money.nanos}


_SCALAR_WRITERS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TIMESTAMP: _write_timestamp,
    Kind.MONEY: _write_money,
}


# Row -> proto3 JSON


@cache
def row_json(descriptor: Descriptor) -> Callable[[Mapping[str, Any]], Row]:
    """A function from a row to proto3 JSON.

    Fields without presence are always there; messages, optional fields and enums only when set.
    """
    fields = [field for field in fields_of(descriptor) if field.name not in _COMPUTED]
    writers = {field.name: (field.json_name, _json_writer(field)) for field in fields}
    defaults = {
        field.json_name: default for field in fields if (default := _default(field)) is not None
    }
    empty = {name: default() for name, default in defaults.items()}
    containers = [(name, make) for name, make in defaults.items() if make in (dict, list)]

    def translate(row: Mapping[str, Any]) -> Row:
        found = empty.copy()
        for name, make in containers:
            found[name] = make()
        for name, value in row.items():
            if value is not None and name in writers:
                json_name, write = writers[name]
                found[json_name] = write(value)
        return found

    return translate


def _default(field: Field) -> Callable[[], Any] | None:
    if field.is_map:
        return dict
    if field.repeated:
        return list
    if field.presence or field.kind is Kind.ENUM:
        return None
    if field.kind in {Kind.INT64, Kind.BYTES}:
        return (lambda: "0") if field.kind is Kind.INT64 else str
    return type(field.descriptor.default_value)


def _json_writer(field: Field) -> Callable[[Any], Any]:
    one = _one_json_writer(field)
    if field.is_map:
        return lambda value: {key: one(item) for key, item in value.items()}
    return (lambda value: [one(item) for item in value]) if field.repeated else one


def _one_json_writer(field: Field) -> Callable[[Any], Any]:
    if field.kind is Kind.MESSAGE and field.message is not None:
        return row_json(field.message)
    return _JSON_WRITERS.get(field.kind, _same)


def _json_money(value: Mapping[str, Any]) -> Row:
    money = _money(value)
    return {
        "currencyCode": money.currency_code,
        "units": str(money.units),
        "nanos": money.nanos,
    }


_JSON_WRITERS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TIMESTAMP: rfc3339,
    Kind.MONEY: _json_money,
    Kind.INT64: str,
    Kind.BYTES: lambda value: base64.b64encode(value).decode(),
}


def _enum(field: Field) -> Any:
    descriptor = field.descriptor
    if field.is_map and field.message is not None:
        descriptor = field.message.fields_by_name["value"]
    return cast(Any, descriptor.enum_type)
