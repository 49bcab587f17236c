"""Reads of deliveries."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from crm_campaigns.campaigns.documents import Campaign
from crm_campaigns.deliveries.documents import Delivery
from crm_campaigns.deliveries.rules import PENDING, delivery_of_token
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import NotFound
from crm_chassis.mongo.connection import database
from crm_chassis.resources.transaction import Transaction
from crm_chassis.resources.translate import message_from_row, name_of
from crm_chassis.resources.visibility import is_visible
from crm_chassis.telemetry.context import current_call

Row = dict[str, Any]


def due_deliveries(campaign: str, limit: int) -> list[Row]:
    """The deliveries of a campaign that may be tried now, those that wait the longest first."""
    due = {"container": campaign, "state": PENDING, "ready": {"$lte": now()}, "attempt": None}
    return list(Delivery.rows().find(due).sort("ready", 1).limit(limit))


def attempted_deliveries(limit: int) -> list[Row]:
    """The deliveries of any campaign that an attempt has begun of, and that are not settled."""
    return list(Delivery.rows().find({"attempt.token": {"$exists": True}}).limit(limit))


def pending_rows(tx: Transaction, ids: Sequence[str]) -> list[Row]:
    """Those of the deliveries that have not come to an end."""
    wanted = {"_id": {"$in": list(ids)}, "state": PENDING}
    return list(Delivery.rows().find(wanted, session=tx.session))


def untried_rows(tx: Transaction, campaign: str, limit: int) -> list[Row]:
    """Some deliveries of a campaign that no attempt has begun of."""
    wanted = {"container": campaign, "state": PENDING, "attempt": None}
    return list(Delivery.rows().find(wanted, session=tx.session).limit(limit))


def next_time(tx: Transaction, campaign: str) -> datetime | None:
    """When the next delivery of a campaign may be tried; None when none is pending."""
    row = Delivery.rows().find_one(
        {"container": campaign, "state": PENDING}, sort=[("ready", 1)], session=tx.session
    )
    return row["ready"] if row is not None else None


def planned_ids(tx: Transaction, ids: Sequence[str]) -> set[str]:
    """Those of the deliveries that are there already."""
    found = Delivery.rows().find({"_id": {"$in": list(ids)}}, {"_id": 1}, session=tx.session)
    return {row["_id"] for row in found}


def delivery_of_link(token: str, session: Any = None) -> Row:
    """The delivery that a link is about, though its campaign was deleted since.

    Raises:
        NotFound: the token is none of ours, or the caller may not see the delivery.
    """
    name = delivery_of_token(token, signing_key())
    row: Row | None = Delivery.rows().find_one(Delivery.key_of(name), session=session)
    if row is not None:
        above = Campaign.rows().find_one(Campaign.key_of(row["container"]), session=session)
        if above is not None and is_visible(Campaign, above, current_call().principal):
            return row
    raise NotFound("There is no such link.")


def as_message(row: Row) -> Any:
    """A delivery as callers see it."""
    return message_from_row(Delivery, row)


def name_of_delivery(row: Row) -> str:
    """The resource name of a row."""
    return name_of(row, Delivery.collection())


def signing_key() -> bytes:
    """What the links in mails are signed with."""
    return _key(database().name)


@cache
def _key(_database: str) -> bytes:
    """Made by whichever of the service's processes needs it first."""
    row = database()["secrets"].find_one_and_update(
        {"_id": "unsubscribe_links"},
        {"$setOnInsert": {"key": secrets.token_bytes(32)}},
        upsert=True,
        return_document=True,
    )
    assert row is not None, "an upsert gives the row back"
    return bytes(row["key"])
