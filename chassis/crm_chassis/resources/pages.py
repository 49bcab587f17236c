"""Keyset pages: an order, a token that ends one page and begins the next, and nothing repeated.

A token holds the values of the page's last row in the order's fields. It is signed, and bound to
the question it belongs to: another filter or order does not take it.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor

from crm_chassis.kernel.clock import MILLISECOND
from crm_chassis.kernel.errors import Flaw, Invalid
from crm_chassis.mongo.connection import database
from crm_chassis.resources.shape import fields_of

DEFAULT_SIZE = 50
LARGEST_SIZE = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIGNATURE = 16


@dataclass(frozen=True, slots=True)
class Sort:
    """One field of an order: where it is stored, and which way it goes."""

    stored: str
    direction: int


@dataclass(frozen=True, slots=True)
class Question:
    """What a list is asked: the same question goes on with its own token only."""

    filter: str = ""
    order_by: str = ""
    page_size: int = DEFAULT_SIZE
    page_token: str = ""
    show_deleted: bool = False
    read_time: datetime | None = None
    container: str = ""
    about: str = ""

    @property
    def size(self) -> int:
        """How many rows a page has."""
        return self.page_size or DEFAULT_SIZE

    def fingerprint(self) -> str:
        """What two pages of one list have in common."""
        moment = self.read_time.isoformat() if self.read_time else ""
        parts = (self.filter, self.order_by, str(self.show_deleted), moment, self.container)
        return hashlib.sha256("\0".join((*parts, self.about)).encode()).hexdigest()[:16]


@cache
def sortable_fields(descriptor: Descriptor) -> Mapping[str, str]:
    """What may stand in an order of the message: REST's name to the stored one."""
    return {field.json_name: field.name for field in fields_of(descriptor) if field.sortable}


def parse_order(descriptor: Descriptor, text: str) -> list[Sort]:
    """The order that a text such as `displayName, createTime desc` asks for, made total by the id.

    Raises:
        Invalid: it names a field that is not declared sortable, twice, or another direction.
    """
    known = sortable_fields(descriptor)
    order: list[Sort] = []
    for part in text.split(",") if text.strip() else ():
        name, *rest = part.split() or [""]
        if name not in known or rest not in ([], ["asc"], ["desc"]):
            raise _refuse_order(f"{part.strip()!r} cannot be ordered by", name in known)
        if known[name] in (sort.stored for sort in order):
            raise _refuse_order(f"{name} is there more than once", is_known=True)
        order.append(Sort(known[name], -1 if rest == ["desc"] else 1))
    direction = order[0].direction if order else 1
    return [*order, Sort("_id", direction)]


def _refuse_order(description: str, is_known: bool) -> Invalid:
    reason = "INVALID_ORDER" if is_known else "UNKNOWN_FIELD"
    return Invalid("The order is not valid.", Flaw("order_by", reason, description, "query"))


def begin_after(order: Sequence[Sort], values: Sequence[Any]) -> dict[str, Any]:
    """The condition for the rows that come after one with these values."""
    sort, value = order[0], values[0]
    further = _beyond(sort, value)
    if len(order) == 1:
        return further
    same = {"$and": [{sort.stored: value}, begin_after(order[1:], values[1:])]}
    return {"$or": [further, same]}


def _beyond(sort: Sort, value: Any) -> dict[str, Any]:
    """Rows strictly further on in one field; a missing value comes before all others."""
    if value is None:
        nothing: dict[str, Any] = {"_id": {"$in": []}}
        return {sort.stored: {"$ne": None}} if sort.direction == 1 else nothing
    if sort.direction == 1:
        return {sort.stored: {"$gt": value}}
    return {"$or": [{sort.stored: {"$lt": value}}, {sort.stored: None}]}


def next_token(question: Question, order: Sequence[Sort], last: Mapping[str, Any]) -> str:
    """The token of the page that begins after the row `last`."""
    values = [_encode(last.get(sort.stored)) for sort in order]
    payload = orjson.dumps([question.fingerprint(), values])
    return base64.urlsafe_b64encode(_sign(payload) + payload).decode().rstrip("=")


def token_values(question: Question, count: int) -> list[Any] | None:
    """The values that the question's token holds; None for the first page.

    Raises:
        Invalid: the token is not one of ours, or belongs to another question.
    """
    if not question.page_token:
        return None
    try:
        padded = question.page_token + "=" * (-len(question.page_token) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
    except ValueError:
        raise _refuse_token("INVALID_PAGE_TOKEN") from None
    signature, payload = raw[:_SIGNATURE], raw[_SIGNATURE:]
    if not hmac.compare_digest(signature, _sign(payload)):
        raise _refuse_token("INVALID_PAGE_TOKEN")
    fingerprint, values = orjson.loads(payload)
    if fingerprint != question.fingerprint() or len(values) != count:
        raise _refuse_token("PAGE_TOKEN_OF_ANOTHER_LIST")
    return [_decode(value) for value in values]


def _refuse_token(reason: str) -> Invalid:
    flaw = Flaw("page_token", reason, "is not a token of this list", "query")
    return Invalid("The page token is not valid.", flaw)


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"ms": (value - _EPOCH) // MILLISECOND}
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        return _EPOCH + value["ms"] * MILLISECOND
    return value


def _sign(payload: bytes) -> bytes:
    return hmac.digest(_key(database().name), payload, "sha256")[:_SIGNATURE]


@cache
def _key(_database: str) -> bytes:
    """The service's signing key, made by whichever of its processes needs it first."""
    row = database()["secrets"].find_one_and_update(
        {"_id": "page_tokens"},
        {"$setOnInsert": {"key": secrets.token_bytes(32)}},
        upsert=True,
        return_document=True,
    )
    assert row is not None, "an upsert gives the row back"
    return bytes(row["key"])
