"""Changes to what is kept of recipients: the newest word counts, whichever comes last."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from crm_campaigns.recipients.documents import recipients, said
from crm_campaigns.recipients.rules import EMAIL, WITHDRAWN, consent_key
from crm_chassis.kernel.clock import parse_rfc3339
from crm_chassis.resources.transaction import Transaction

if TYPE_CHECKING:
    from pymongo.client_session import ClientSession

Row = dict[str, Any]


def keep_contacts(contacts: Iterable[tuple[Row, int]], session: "ClientSession | None") -> None:
    """Keep the JSON of contacts, each with its version, unless a newer one is there."""
    newest: dict[str, Row] = {}
    for data, version in contacts:
        row = {
            "_id": data["name"],
            "data": data,
            "deleted": "deleteTime" in data,
            "order": [version],
        }
        if row["order"] >= newest.get(row["_id"], row)["order"]:
            newest[row["_id"]] = row
    if newest:
        recipients().bulk_write(list(map(_kept, newest.values())), ordered=False, session=session)


def keep_consents(consents: Iterable[Row], session: "ClientSession | None") -> None:
    """Keep what contacts said, as the JSON of consents tells it, unless they said more since."""
    newest: dict[str, Row] = {}
    for consent in consents:
        row = _said(consent)
        if row["order"] >= newest.get(row["_id"], row)["order"]:
            newest[row["_id"]] = row
    if newest:
        said().bulk_write(list(map(_kept, newest.values())), ordered=False, session=session)


def keep_withdrawal(tx: Transaction, contact: str, purpose: str) -> None:
    """Keep that a contact wants no more mail for a purpose, before the owner of consents tells."""
    row = {
        "_id": consent_key(contact, purpose, EMAIL),
        "state": WITHDRAWN,
        "order": [tx.now, tx.now],
    }
    said().bulk_write([_kept(row)], session=tx.session)


def _said(consent: Mapping[str, Any]) -> Row:
    """The row of a consent. Of two things said at one moment the one told of last counts."""
    contact = consent["name"].rsplit("/", 2)[0]
    order: list[datetime] = [
        parse_rfc3339(consent["captureTime"]),
        parse_rfc3339(consent["createTime"]),
    ]
    key = consent_key(contact, consent["purpose"], consent["channel"])
    return {"_id": key, "state": consent["state"], "order": order}


def _kept(row: Row) -> UpdateOne:
    """Puts the row there, unless what is there is newer by its order."""
    is_newer = {"$gt": [{"$ifNull": ["$order", []]}, {"$literal": row["order"]}]}
    change = {"$cond": [is_newer, "$$ROOT", {"$literal": row}]}
    return UpdateOne({"_id": row["_id"]}, [{"$replaceWith": change}], upsert=True)
