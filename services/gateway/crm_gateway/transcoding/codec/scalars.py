"""Scalars and enums: what JSON may say for one, and how one is said in JSON."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from math import inf, isfinite
from typing import Any, Final

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.internal.type_checkers import ToShortestFloat

from crm_gateway.transcoding.faults import Flaws, Path

Decode = Callable[[Any, Path, Flaws], Any]
Encode = Callable[[Any], Any]

OMIT: Final = object()

_F = FieldDescriptor
_RANGES: Mapping[int, tuple[int, int]] = {
    _F.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    _F.CPPTYPE_UINT32: (0, 2**32 - 1),
    _F.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    _F.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_WIDE = (_F.CPPTYPE_INT64, _F.CPPTYPE_UINT64)
_DIGITS = re.compile(r"-?(?:0|[1-9][0-9]{0,19})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LARGEST_FLOAT = 3.4028234663852886e38


class Names(dict[int, Any]):
    """Names of enum values by number. What means "not set", or is not known here, is left out."""

    def __missing__(self, number: int) -> object:
        return OMIT


def scalar_decoder(field: FieldDescriptor) -> Decode:
    """What reads a JSON value of the field's type; it adds a flaw where the value is none."""
    kind = field.cpp_type
    if field.enum_type is not None:
        return enum_decoder(field.enum_type)
    if kind == _F.CPPTYPE_STRING:
        return decode_bytes if field.type == _F.TYPE_BYTES else decode_string
    if kind == _F.CPPTYPE_BOOL:
        return decode_bool
    if kind in _WIDE:
        return _wide_decoder(*_RANGES[kind])
    if kind in _RANGES:
        return _integer_decoder(*_RANGES[kind])
    return _number_decoder(inf if kind == _F.CPPTYPE_DOUBLE else _LARGEST_FLOAT)


def scalar_encoder(field: FieldDescriptor) -> Encode | None:
    """What makes the JSON of a value; None where the value is its own JSON."""
    kind = field.cpp_type
    if field.enum_type is not None:
        return enum_encoder(field.enum_type)
    if field.type == _F.TYPE_BYTES:
        return encode_bytes
    if kind in _WIDE:
        return str
    if kind == _F.CPPTYPE_DOUBLE:
        return encode_number
    if kind == _F.CPPTYPE_FLOAT:
        return lambda value: encode_number(ToShortestFloat(value))
    return None


def enum_encoder(enum: EnumDescriptor) -> Encode:
    """Names, with the value that means "not set" left out."""
    return Names({value.number: value.name for value in enum.values if value.number}).__getitem__


def enum_decoder(enum: EnumDescriptor) -> Decode:
    """Numbers by name; the value that means "not set" cannot be written."""
    numbers = {value.name: value.number for value in enum.values if value.number}
    choice = f"must be one of {', '.join(numbers)}"

    def decode(value: Any, path: Path, flaws: Flaws) -> int | None:
        number = numbers.get(value) if type(value) is str else None
        if number is None:
            reason = "UNKNOWN_VALUE" if type(value) is str else "WRONG_TYPE"
            flaws.add(path, reason, choice)
        return number

    return decode


def decode_string(value: Any, path: Path, flaws: Flaws) -> str | None:
    if type(value) is str:
        return value
    flaws.add(path, "WRONG_TYPE", "must be a string")
    return None


def decode_bool(value: Any, path: Path, flaws: Flaws) -> bool | None:
    if type(value) is bool:
        return value
    flaws.add(path, "WRONG_TYPE", "must be true or false")
    return None


def decode_bytes(value: Any, path: Path, flaws: Flaws) -> bytes | None:
    if type(value) is not str:
        flaws.add(path, "WRONG_TYPE", "must be a string of base64")
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        flaws.add(path, "MALFORMED_VALUE", "must be base64")
        return None


def encode_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def encode_number(value: float) -> float | str:
    """JSON has no word for what is not finite; proto3 writes it as a string."""
    if isfinite(value):
        return value
    return {inf: "Infinity", -inf: "-Infinity"}.get(value, "NaN")


def _integer_decoder(least: int, most: int) -> Decode:
    def decode(value: Any, path: Path, flaws: Flaws) -> int | None:
        if type(value) is float and value.is_integer():
            value = int(value)  # 1.0 is the integer 1 in JSON Schema and in the JSON of proto3
        if type(value) is not int:
            flaws.add(path, "WRONG_TYPE", "must be an integer")
            return None
        if not least <= value <= most:
            flaws.add(path, "OUT_OF_RANGE", f"must be from {least} to {most}")
            return None
        return value

    return decode


def _wide_decoder(least: int, most: int) -> Decode:
    """64 bits are more than a JSON number keeps everywhere: they travel as a string of digits."""

    def decode(value: Any, path: Path, flaws: Flaws) -> int | None:
        if type(value) is not str:
            flaws.add(path, "WRONG_TYPE", "must be a string of digits")
        elif not _DIGITS.fullmatch(value):
            flaws.add(path, "MALFORMED_VALUE", "must be a string of digits")
        elif not least <= int(value) <= most:
            flaws.add(path, "OUT_OF_RANGE", f"must be from {least} to {most}")
        else:
            return int(value)
        return None

    return decode


def _number_decoder(most: float) -> Decode:
    def decode(value: Any, path: Path, flaws: Flaws) -> float | None:
        if type(value) not in (int, float):
            flaws.add(path, "WRONG_TYPE", "must be a number")
            return None
        number = float(value)
        if not isfinite(number) or abs(number) > most:
            flaws.add(path, "OUT_OF_RANGE", "is too large")
            return None
        return number

    return decode


def json_of_text(field: FieldDescriptor) -> Callable[[str], Any]:
    """What makes of a text (a query parameter, a key) the JSON that it means; else leaves it."""
    kind = field.cpp_type
    if kind == _F.CPPTYPE_BOOL:
        return lambda text: {"true": True, "false": False}.get(text, text)
    if kind in (_F.CPPTYPE_INT32, _F.CPPTYPE_UINT32):
        return lambda text: int(text) if _DIGITS.fullmatch(text) else text
    if kind in (_F.CPPTYPE_DOUBLE, _F.CPPTYPE_FLOAT):
        return lambda text: float(text) if _NUMBER.fullmatch(text) else text
    return lambda text: text
