"""Dead letters as rows: what a service could not take, why, and what became of it.

The consumer process stores them from their queue, and sends those again that somebody asks for;
the verbs only say so in the row, so that any process may be asked.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from gridfs import GridFSBucket, NoFile
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from crm_chassis.kernel.clock import now, parse_rfc3339, rfc3339
from crm_chassis.kernel.errors import Flaw, Invalid, NotAllowed, NotFound
from crm_chassis.mongo.connection import database
from crm_chassis.telemetry.context import current_call

if TYPE_CHECKING:
    from pymongo.collection import Collection as Rows

Row = Mapping[str, Any]
DEFAULT_PAGE, LARGEST_PAGE = 50, 1_000
# A page of rows stays below what one gRPC message may hold; a longer body is told by `get` only.
PAGE_BYTES, LISTED_BYTES = 2 * 1024**2, 1024**2
# A row may hold 16 MiB; a longer body lies beside it.
ROW_BYTES = 8 * 1024**2
COLLECTION = "dead_letters"


class State(StrEnum):
    """What became of a dead letter, in the proto's words."""

    DEAD = "DEAD"
    PARKED = "PARKED"
    REPLAYED = "REPLAYED"
    DISCARDED = "DISCARDED"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it came from the dead-letter queue.

    `key` tells it from others of its queue: the event's id where it can be read. `properties` are
    those of AMQP that it came with.
    """

    service: str
    queue: str
    key: str
    reason: str
    first_time: datetime
    last_time: datetime
    attempts: int
    body: bytes
    properties: Mapping[str, str]
    type: str = ""
    customers: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The row's id: the same however often the message comes."""
        digest = hashlib.sha256(f"{self.queue} {self.key}".encode()).digest()
        return f"{self.service}.{_uuid7(_milliseconds(self), digest)}"


def store(letter: Letter) -> None:
    """Keep a letter; one that was replayed and came back is the same row, dead again."""
    if len(letter.body) > ROW_BYTES:
        _keep_beside(letter)
    told = {
        "service": letter.service,
        "queue": letter.queue,
        "reason": letter.reason,
        "last_time": letter.last_time,
        "body": letter.body if len(letter.body) <= ROW_BYTES else b"",
        "size": len(letter.body),
        "properties": dict(letter.properties),
        "content_type": letter.properties.get("content_type", ""),
        "type": letter.type,
        "customers": list(letter.customers),
        "state": State.DEAD,
    }
    fields = {
        **{name: {"$literal": value} for name, value in told.items()},
        "first_time": {"$ifNull": ["$first_time", letter.first_time]},
        "attempts": {"$add": [{"$ifNull": ["$earlier_attempts", 0]}, letter.attempts]},
    }
    newer = {"_id": letter.id, "last_time": {"$lt": letter.last_time}}
    # There already, and not older: it came twice.
    with suppress(DuplicateKeyError):
        _rows().update_one(newer, [{"$set": fields}], upsert=True)


def get_dead_letter(letter_id: str) -> Row:
    """The row of a dead letter, its body whole.

    Raises:
        NotFound: there is none.
    """
    row = _rows().find_one({"_id": letter_id})
    if row is None:
        raise NotFound(f"There is no dead letter {letter_id}.")
    return {**row, "body": _body_of(row)}


def list_dead_letters(page_size: int = 0, page_token: str = "") -> tuple[list[Row], str]:
    """A page of rows, those that failed last first, and the token of the next page.

    A page also ends when its bodies get long, and a body over LISTED_BYTES is left empty.

    Raises:
        Invalid: the token is none of ours.
    """
    size = min(page_size or DEFAULT_PAGE, LARGEST_PAGE)
    condition = _after(page_token) if page_token else {}
    order = {"last_time": -1, "_id": -1}
    rows: list[Row] = []
    room = PAGE_BYTES
    for row in _rows().find(condition, sort=order, limit=size + 1).batch_size(50):
        if len(rows) == size or (rows and room <= 0):
            return rows, _token_of(rows[-1])
        if row["size"] > LISTED_BYTES:
            row["body"] = b""
        room -= len(row["body"])
        rows.append(row)
    return rows, ""


def replay(letter_id: str) -> Row:
    """Have the message sent to its queue again. Its inbox sees to it that it takes effect once.

    Raises:
        NotFound: there is none.
        NotAllowed: it was discarded.
    """
    change = {"resend": True, "earlier_attempts": "$attempts"}
    return _move(letter_id, State.REPLAYED, (State.DEAD, State.PARKED, State.REPLAYED), change)


def park(letter_id: str) -> Row:
    """Set the message aside until somebody replays or discards it.

    Raises:
        NotFound: there is none.
        NotAllowed: it was replayed or discarded.
    """
    return _move(letter_id, State.PARKED, (State.DEAD, State.PARKED))


def discard(letter_id: str) -> Row:
    """Give the message up for good; the row stays.

    Raises:
        NotFound: there is none.
    """
    return _move(letter_id, State.DISCARDED, tuple(State), {"resend": False})


def letters_to_resend() -> Iterator[Row]:
    """Those that somebody asked to be sent again, with their bodies."""
    for row in _rows().find({"resend": True, "state": State.REPLAYED}):
        yield {**row, "body": _body_of(row)}


def mark_resent(letter: Row) -> None:
    """Keep that the broker has the message again.

    It may have failed again meanwhile, and somebody asked once more: then it is sent once more.
    """
    asked = {"_id": letter["_id"], "state_time": letter["state_time"]}
    change = {"$unset": {"resend": ""}, "$set": {"replay_time": now()}}
    _rows().update_one(asked, change)


def mark_returned(letter_id: str, reason: str) -> None:
    """Keep that the message could not be sent again, and why: it is dead as before."""
    asked = {"_id": letter_id, "state": State.REPLAYED, "resend": True}
    told = {"state": State.DEAD, "reason": reason, "last_time": now()}
    _rows().update_one(asked, {"$unset": {"resend": ""}, "$set": told})


def waiting() -> Iterator[tuple[str, State, int, datetime]]:
    """For each queue and state of those that wait for somebody: how many, and since when."""
    stages: list[dict[str, Any]] = [
        {"$match": {"state": {"$in": [State.DEAD, State.PARKED]}}},
        {
            "$group": {
                "_id": {"queue": "$queue", "state": "$state"},
                "count": {"$sum": 1},
                "oldest": {"$min": "$first_time"},
            }
        },
    ]
    for row in _rows().aggregate(stages):
        yield row["_id"]["queue"], State(row["_id"]["state"]), row["count"], row["oldest"]


def _move(
    letter_id: str, to: State, allowed: tuple[State, ...], change: Mapping[str, Any] | None = None
) -> Row:
    fields = {"state": to, "state_by": current_call().principal.name, "state_time": now()}
    row = _rows().find_one_and_update(
        {"_id": letter_id, "state": {"$in": list(allowed)}},
        [{"$set": {**fields, **(change or {})}}],
        return_document=ReturnDocument.AFTER,
    )
    if row is None:
        state = get_dead_letter(letter_id)["state"]
        raise NotAllowed(f"A letter that is {state} cannot become {to}.", reason=f"IS_{state}")
    return {**row, "body": _body_of(row)}


def _after(token: str) -> dict[str, Any]:
    try:
        time, last = orjson.loads(base64.urlsafe_b64decode(token))
        moment, letter_id = parse_rfc3339(time), str(last)
    except (ValueError, TypeError) as error:
        flaw = Flaw("page_token", "INVALID_PAGE_TOKEN", "is none of this list", "query")
        raise Invalid("The page token is not valid.", flaw) from error
    earlier = {"last_time": {"$lt": moment}}
    return {"$or": [earlier, {"last_time": moment, "_id": {"$lt": letter_id}}]}


def _token_of(row: Row) -> str:
    values = orjson.dumps([rfc3339(row["last_time"]), row["_id"]])
    return base64.urlsafe_b64encode(values).decode("ascii")


def _milliseconds(letter: Letter) -> int:
    """The time in the id: the event's own, where there is one."""
    with suppress(ValueError):
        key = UUID(letter.key)
        if key.version == 7:
            return key.int >> 80
    return round(letter.first_time.timestamp() * 1000)


def _uuid7(milliseconds: int, chance: bytes) -> UUID:
    """A UUID of version 7 (RFC 9562, 5.7) whose random bits are told."""
    bits = int.from_bytes(chance[:10])
    high, low = (bits >> 64) & 0xFFF, bits & (2**62 - 1)
    return UUID(int=(milliseconds << 80) | (7 << 76) | (high << 64) | (2 << 62) | low)


def _keep_beside(letter: Letter) -> None:
    with suppress(NoFile):
        _beside().delete(letter.id)
    _beside().upload_from_stream_with_id(letter.id, letter.id, letter.body)


def _body_of(row: Row) -> bytes:
    if row["size"] == len(row["body"]):
        return bytes(row["body"])
    return bytes(_beside().open_download_stream(row["_id"]).read())


def _beside() -> GridFSBucket:
    return GridFSBucket(database(), COLLECTION)


def _rows() -> "Rows[dict[str, Any]]":
    return database()[COLLECTION]
