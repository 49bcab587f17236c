"""Values that only one resource may have: each is claimed by a row whose id is the value."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pymongo.errors import BulkWriteError

from crm_chassis.kernel.errors import Exists, Flaw
from crm_chassis.mongo.connection import database

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

    from crm_chassis.resources.document import Resource

_DUPLICATE = 11000
Claims = Mapping[str, str]


def claims_of(document: "type[Resource]", row: Mapping[str, Any] | None) -> dict[str, str]:
    """What a row claims: claim id (`contacts/febrl/rec-1`) to the field; nothing once deleted."""
    if row is None or "delete_time" in row:
        return {}
    collection = document.collection()
    found = {
        f"{collection}/{system}/{value}": f"external_ids.{system}"
        for system, value in row.get("external_ids", {}).items()
    }
    for field in document.unique:
        if field in row:
            found[f"{collection}/{field}/{row[field]}"] = field
    return found


def move_claims(before: Claims, after: Claims, name: str, session: "ClientSession") -> None:
    """Free what is claimed no longer, and claim what is new.

    Raises:
        Exists: another resource has one of the values.
    """
    gone = [claim for claim in before if claim not in after]
    new = [claim for claim in after if claim not in before]
    if gone:
        database()["external_ids"].delete_many({"_id": {"$in": gone}}, session=session)
    if not new:
        return
    try:
        rows = [{"_id": claim, "name": name} for claim in new]
        database()["external_ids"].insert_many(rows, session=session)
    except BulkWriteError as error:
        raise _exists(error, after) from error


def holders_of(claims: Sequence[str]) -> dict[str, str]:
    """Those of the claims that are taken, and the name of the resource that has each."""
    if not claims:
        return {}
    rows = database()["external_ids"].find({"_id": {"$in": list(claims)}})
    return {row["_id"]: row["name"] for row in rows}


def take_claims(holders: Mapping[str, str], session: "ClientSession") -> None:
    """Claim for many resources at once, by claim, what nobody has as `holders_of` told."""
    if holders:
        rows = [{"_id": claim, "name": name} for claim, name in holders.items()]
        database()["external_ids"].insert_many(rows, session=session)


def _exists(error: BulkWriteError, claims: Claims) -> Exception:
    faults = error.details.get("writeErrors", [])
    if not faults or faults[0]["code"] != _DUPLICATE:
        return error
    field = claims[faults[0]["op"]["_id"]]
    flaw = Flaw(field, "ALREADY_EXISTS", "another one has this value")
    return Exists("Another one has this value.", flaw)
