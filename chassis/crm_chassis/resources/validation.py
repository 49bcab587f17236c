"""What is wrong with a message: its proto's constraints, and the public lists that it names."""

import re
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any

import protovalidate
import pycountry
from crm.api.v1 import options_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from langcodes import tag_is_valid

from crm_chassis.events.options import option_of
from crm_chassis.kernel.errors import Flaw
from crm_chassis.resources.shape import Field, Kind, fields_of

# Tells what is wrong with a value, whose path is given.
Check = Callable[[Any, str], Iterator[Flaw]]
# What google.protobuf.Timestamp may hold: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TAG = re.compile(r"[A-Za-z0-9-]{1,255}")


def flaws(message: Message) -> list[Flaw]:
    """All that is wrong with a message, each at its path (`contact.emails[0].address`).

    Of a resource to be changed only what the mask names, or what is set, can be wrong.
    """
    found = _flaws(message)
    updated = _updated(message.DESCRIPTOR)
    if not found or updated is None:
        return found
    resource = getattr(message, updated)
    told = {path.partition(".")[0] for path in message.update_mask.paths}  # type: ignore[attr-defined]
    told.update(field.name for field, _ in resource.ListFields())
    return [flaw for flaw in found if _is_told(flaw, updated, told)]


@cache
def _updated(descriptor: Descriptor) -> str | None:
    """The field of an update request that holds the resource; None for other requests."""
    if "update_mask" not in descriptor.fields_by_name:
        return None
    return next(field.name for field in fields_of(descriptor) if field.kind is Kind.MESSAGE)


def _is_told(flaw: Flaw, updated: str, told: set[str]) -> bool:
    prefix, _, rest = flaw.field.partition(".")
    return prefix != updated or not rest or re.split(r"[.\[]", rest)[0] in told


def flaws_of_each(message: Message, field: str) -> Mapping[int, list[Flaw]]:
    """All that is wrong with the messages of a list, by their places: each at its path within one.

    Looking at a thousand in a list takes two thirds of what looking at each would.
    """
    found: dict[int, list[Flaw]] = {}
    start = len(field) + 1
    for flaw in _flaws(message):
        place, _, path = flaw.field[start:].partition("]")
        own = Flaw(path[1:], flaw.reason, flaw.description)
        found.setdefault(int(place), []).append(own)
    return found


def _flaws(message: Message) -> list[Flaw]:
    found = [
        Flaw(_path(violation.proto.field), _reason(violation), violation.proto.message)
        for violation in protovalidate.collect_violations(message)
    ]
    check = _check_of(message.DESCRIPTOR)
    if check is not None:
        found.extend(check(message, ""))
    return found


def _reason(violation: Any) -> str:
    rule = violation.proto.rule_id or "invalid"
    return str(rule).replace(".", "_").replace("-", "_").upper()


def _path(path: Any) -> str:
    text = ""
    for element in path.elements:
        text += ("." if text else "") + element.field_name + _subscript(element)
    return text


def _subscript(element: Any) -> str:
    subscript = element.subscript
    if subscript is None:
        return ""
    return f".{subscript.value}" if subscript.field.endswith("_key") else f"[{subscript.value}]"


@cache
def _check_of(descriptor: Descriptor) -> Check | None:
    """The check of what a message names by public lists; None when it names nothing."""
    checks = {
        field.name: check for field in fields_of(descriptor) if (check := _field_check(field))
    }
    if not checks:
        return None

    def check_all(message: Message, prefix: str) -> Iterator[Flaw]:
        for field, value in message.ListFields():
            check = checks.get(field.name)
            if check is not None:
                yield from check(value, prefix + field.name)

    return check_all


def _field_check(field: Field) -> Check | None:
    one = _one_check(field)
    if one is None or not field.repeated:
        return one

    def check_each(values: Iterable[Any], path: str) -> Iterator[Flaw]:
        for index, value in enumerate(values):
            yield from one(value, f"{path}[{index}]")

    return None if field.is_map else check_each


def _one_check(field: Field) -> Check | None:
    standard = option_of(field.descriptor, options_pb2.standard)
    if standard != options_pb2.STANDARD_UNSPECIFIED:
        return _standard_check(standard)
    if field.kind in _CHECKS:
        return _CHECKS[field.kind]
    if field.kind is Kind.MESSAGE and not field.is_map and field.message is not None:
        below = _check_of(field.message)
        return None if below is None else lambda value, path: below(value, path + ".")
    return None


def _standard_check(standard: int) -> Check:
    is_in = _LISTS[standard]
    reason = "UNKNOWN_" + str(options_pb2.Standard.Name(standard))

    def check(value: str, path: str) -> Iterator[Flaw]:
        if value and not is_in(value):
            yield Flaw(path, reason, "is not in the list")

    return check


def _check_money(money: Any, path: str) -> Iterator[Flaw]:
    if not is_currency(money.currency_code):
        yield Flaw(f"{path}.currency_code", "UNKNOWN_CURRENCY", "is not in the list")
    if abs(money.nanos) > 999_999_999 or money.units * money.nanos < 0:
        yield Flaw(f"{path}.nanos", "INVALID_AMOUNT", "does not fit the units")


def _check_instant(instant: Any, path: str) -> Iterator[Flaw]:
    if not (_FIRST_SECOND <= instant.seconds <= _LAST_SECOND and 0 <= instant.nanos < 10**9):
        yield Flaw(path, "INVALID_INSTANT", "is not within the years 1 to 9999")


_CHECKS: Mapping[Kind, Check] = {Kind.MONEY: _check_money, Kind.TIMESTAMP: _check_instant}


def is_day(text: str) -> bool:
    """Whether the text is a calendar day that exists, `YYYY-MM-DD`."""
    if _DAY.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@cache
def is_language(text: str) -> bool:
    """Whether the text is a language tag of BCP 47 whose parts are all registered."""
    return _TAG.fullmatch(text) is not None and tag_is_valid(text)


def is_time_zone(text: str) -> bool:
    """Whether the text is a zone of the IANA database."""
    return text in _time_zones()


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@cache
def is_region(text: str) -> bool:
    """Whether the text is a country of ISO 3166-1 in two capital letters."""
    return text.isupper() and pycountry.countries.get(alpha_2=text) is not None


@cache
def is_currency(text: str) -> bool:
    """Whether the text is a currency of ISO 4217 in three capital letters."""
    return text.isupper() and pycountry.currencies.get(alpha_3=text) is not None


_LISTS: Mapping[int, Callable[[str], bool]] = {
    options_pb2.CALENDAR_DAY: is_day,
    options_pb2.LANGUAGE: is_language,
    options_pb2.TIME_ZONE: is_time_zone,
    options_pb2.REGION: is_region,
    options_pb2.CURRENCY: is_currency,
}
