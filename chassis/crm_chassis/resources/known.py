"""What a service knows of other services' resources: name, display name, owner, teams."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument, UpdateOne

from crm_chassis.kernel.errors import NotFound
from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

    from crm_chassis.events.envelope import Event
    from crm_chassis.resources.transaction import Transaction

Row = dict[str, Any]
KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a resource, as its newest event told it."""

    name: str
    display_name: str
    owner: str | None
    teams: tuple[str, ...]
    deleted: bool


def known_row(data: Row, sequence: int) -> Row:
    """What to keep of a resource's JSON."""
    return {
        "_id": data["name"],
        "display_name": data.get("displayName") or data.get("subject") or "",
        "owner": data.get("owner") or data.get("user") or None,
        "teams": data.get("teams") or [],
        "deleted": "deleteTime" in data,
        "sequence": sequence,
    }


def keep_known(tx: "Transaction", events: Sequence["Event"]) -> None:
    """Take over what the events tell; one older than what is known changes nothing."""
    keep_rows([known_row(event.data, event.sequence) for event in events], tx.session)


def keep_rows(rows: Iterable[Row], session: "ClientSession | None" = None) -> None:
    """Keep each row unless a newer one is there."""
    newest: dict[str, Row] = {}
    for row in rows:
        if row["sequence"] >= newest.get(row["_id"], row)["sequence"]:
            newest[row["_id"]] = row
    changes = [
        UpdateOne({"_id": row["_id"]}, [{"$replaceWith": _newer(row)}], upsert=True)
        for row in newest.values()
    ]
    if changes:
        database()[KNOWN].bulk_write(changes, ordered=False, session=session)


def _newer(row: Row) -> Row:
    """The row, or what is there when that is as new."""
    is_old = {"$gte": [{"$ifNull": ["$sequence", 0]}, row["sequence"]]}
    fresh = {"$mergeObjects": ["$$ROOT", {"$literal": row}]}
    return {"$cond": [is_old, "$$ROOT", fresh]}


def find_known(name: str) -> Known | None:
    """What is known of the resource; None when nothing is."""
    row = database()[KNOWN].find_one({"_id": name})
    return _known(row) if row is not None else None


def lock_known(name: str, session: "ClientSession") -> Known:
    """The same, held against change until the transaction ends.

    Raises:
        NotFound: nothing is known of it.
    """
    row = database()[KNOWN].find_one_and_update(
        {"_id": name},
        {"$inc": {"guard": 1}},
        session=session,
        return_document=ReturnDocument.AFTER,
    )
    if row is None:
        raise NotFound(f"There is no {name}.")
    return _known(row)


def lock_all_known(names: Sequence[str], session: "ClientSession") -> list[Known]:
    """Those of the names that something is known of, held against change like one."""
    wanted = {"_id": {"$in": list(names)}}
    database()[KNOWN].update_many(wanted, {"$inc": {"guard": 1}}, session=session)
    return [_known(row) for row in database()[KNOWN].find(wanted, session=session)]


def _known(row: Row) -> Known:
    return Known(row["_id"], row["display_name"], row["owner"], tuple(row["teams"]), row["deleted"])
