"""The messages that JSON says in its own words: instants, durations, masks, free structures."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from crm_gateway.transcoding.codec.scalars import (
    Decode,
    Encode,
    encode_number,
    scalar_decoder,
    scalar_encoder,
)
from crm_gateway.transcoding.faults import Flaws, Path
from crm_gateway.transcoding.paths import camel_case

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all here is UTC, and faster without its zone
_SECOND = timedelta(seconds=1)
_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))",
    re.ASCII,
)
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)
_MASK_PATH = r"[a-z][A-Za-z0-9]*(?:\.[A-Za-z0-9_-]+)*"
_MASK = re.compile(f"{_MASK_PATH}(?:,{_MASK_PATH})*")
_LONGEST_DURATION = 315_576_000_000
# Up to here every whole number has a floating-point one of its own.
_LARGEST_WHOLE = 2**53
_WRAPPERS = tuple(
    f"google.protobuf.{kind}Value"
    for kind in ("Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes")
)


def decoder_of(message: Descriptor) -> Decode | None:
    """What reads the message from JSON of its own; None when that is an object of its fields."""
    if message.full_name in _WRAPPERS:
        return _wrapper_decoder(message.fields_by_name["value"])
    return _DECODERS.get(message.full_name)


def encoder_of(message: Descriptor) -> Encode | None:
    """What makes JSON of its own; None when that is an object of the message's fields."""
    if message.full_name in _WRAPPERS:
        inner = scalar_encoder(message.fields_by_name["value"])
        return (lambda box: inner(box.value)) if inner else (lambda box: box.value)
    return _ENCODERS.get(message.full_name)


def encode_instant(instant: Any) -> str:
    """RFC 3339 in UTC, always with milliseconds."""
    moment = _EPOCH + timedelta(0, instant.seconds)
    return f"{moment.isoformat()}.{instant.nanos // 1_000_000:03d}Z"


def decode_instant(value: Any, path: Path, flaws: Flaws) -> dict[str, int] | None:
    if type(value) is not str:
        flaws.add(path, "WRONG_TYPE", "must be a string with an instant of RFC 3339")
        return None
    found = _INSTANT.fullmatch(value)
    moment = _moment_of(found) if found else None
    if found is None or moment is None:
        flaws.add(
            path,
            "MALFORMED_VALUE",
            "must be an instant of RFC 3339, such as 2026-05-03T12:00:00.000Z",
        )
        return None
    seconds = (moment - _EPOCH) // _SECOND
    return {"seconds": seconds, "nanos": int((found[3] or "0").ljust(9, "0"))}


def _moment_of(found: re.Match[str]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}")
        if found[4]:
            hours, minutes = int(found[5]), int(found[6])
            if hours > 23 or minutes > 59:
                return None
            offset = timedelta(hours=hours, minutes=minutes)
            moment = moment - offset if found[4] == "+" else moment + offset
        return moment
    except (ValueError, OverflowError):
        return None


def encode_duration(duration: Any) -> str:
    """Seconds with no, three, six or nine digits, as proto3 writes them: `3.500s`."""
    sign = "-" if duration.seconds < 0 or duration.nanos < 0 else ""
    digits = f"{abs(duration.nanos):09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{sign}{abs(duration.seconds)}{digits and f'.{digits}'}s"


def decode_duration(value: Any, path: Path, flaws: Flaws) -> dict[str, int] | None:
    found = _DURATION.fullmatch(value) if type(value) is str else None
    if found is None or int(found[2]) > _LONGEST_DURATION:
        reason = "MALFORMED_VALUE" if type(value) is str else "WRONG_TYPE"
        flaws.add(path, reason, "must be a duration in seconds, such as 3.5s")
        return None
    sign = -1 if found[1] else 1
    nanos = int((found[3] or "0").ljust(9, "0"))
    return {"seconds": sign * int(found[2]), "nanos": sign * nanos}


def encode_mask(mask: Any) -> str:
    return ",".join(".".join(camel_case(name) for name in path.split(".")) for path in mask.paths)


def decode_mask(value: Any, path: Path, flaws: Flaws) -> dict[str, list[str]] | None:
    """Paths with commas between, as JSON names fields; the key of a map stays as it is written."""
    if type(value) is not str or not _MASK.fullmatch(value):
        reason = "MALFORMED_VALUE" if type(value) is str else "WRONG_TYPE"
        flaws.add(path, reason, "must be names of fields with commas between")
        return None
    return {"paths": [snake_head(part) for part in dict.fromkeys(value.split(","))]}


def snake_head(path: str) -> str:
    """A mask's path as the proto names it: its field in snake_case, the rest as it is."""
    head, dot, rest = path.partition(".")
    return (
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in head)
        + dot
        + rest
    )


def encode_value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return encode_struct(value.struct_value)
    if kind == "list_value":
        return encode_list(value.list_value)
    if kind == "number_value":
        return encode_number(_whole(value.number_value))
    return getattr(value, kind) if kind in ("string_value", "bool_value") else None


def _whole(number: float) -> float | int:
    """Counts come as floating-point numbers, but are none."""
    return int(number) if abs(number) <= _LARGEST_WHOLE and number.is_integer() else number


def encode_struct(struct: Any) -> dict[str, Any]:
    return {key: encode_value(struct.fields[key]) for key in sorted(struct.fields)}


def encode_list(values: Any) -> list[Any]:
    return [encode_value(value) for value in values.values]


def decode_value(value: Any, path: Path, flaws: Flaws) -> Any:
    """Any JSON. The library takes it as it is, but for numbers that it cannot hold."""
    _refuse_endless(value, path, flaws)
    if value is None:
        return {"null_value": 0}
    for kind, field in _KINDS.items():
        if type(value) is kind:
            return {field: value}
    return None


def decode_struct(value: Any, path: Path, flaws: Flaws) -> dict[str, Any] | None:
    if type(value) is not dict:
        flaws.add(path, "WRONG_TYPE", "must be an object")
        return None
    _refuse_endless(value, path, flaws)
    return value


def decode_list(value: Any, path: Path, flaws: Flaws) -> list[Any] | None:
    if type(value) is not list:
        flaws.add(path, "WRONG_TYPE", "must be an array")
        return None
    _refuse_endless(value, path, flaws)
    return value


def _refuse_endless(value: Any, path: Path, flaws: Flaws) -> None:
    if type(value) is dict:
        for key, item in value.items():
            _refuse_endless(item, (path, key), flaws)
    elif type(value) is list:
        for place, item in enumerate(value):
            _refuse_endless(item, (path, place), flaws)
    elif type(value) is float and not isfinite(value):
        flaws.add(path, "OUT_OF_RANGE", "is too large")


def _wrapper_decoder(field: FieldDescriptor) -> Decode:
    inner = scalar_decoder(field)

    def decode(value: Any, path: Path, flaws: Flaws) -> dict[str, Any] | None:
        read = inner(value, path, flaws)
        return None if read is None else {"value": read}

    return decode


_KINDS: Mapping[type, str] = {
    str: "string_value",
    bool: "bool_value",
    int: "number_value",
    float: "number_value",
    dict: "struct_value",
    list: "list_value",
}
_DECODERS: Mapping[str, Decode] = {
    "google.protobuf.Timestamp": decode_instant,
    "google.protobuf.Duration": decode_duration,
    "google.protobuf.FieldMask": decode_mask,
    "google.protobuf.Value": decode_value,
    "google.protobuf.Struct": decode_struct,
    "google.protobuf.ListValue": decode_list,
}
_ENCODERS: Mapping[str, Encode] = {
    "google.protobuf.Timestamp": encode_instant,
    "google.protobuf.Duration": encode_duration,
    "google.protobuf.FieldMask": encode_mask,
    "google.protobuf.Value": encode_value,
    "google.protobuf.Struct": encode_struct,
    "google.protobuf.ListValue": encode_list,
}
