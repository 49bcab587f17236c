"""Changes to engagements: each row holds what its resource's newest version counts as."""

from collections.abc import Iterable, Sequence
from typing import Any

from bson import Decimal128
from pymongo import ReplaceOne

from crm_analytics.insights.documents import engagements
from crm_analytics.insights.rules import KINDS, Engagement
from crm_chassis.events.envelope import Event
from crm_chassis.kernel.money import Money
from crm_chassis.resources.transaction import Transaction

Row = dict[str, Any]


def count_engagements(tx: Transaction, events: Sequence[Event]) -> None:
    """Keep what each resource that is an engagement counts as now; pass over all others."""
    keep_engagements(
        tx,
        [
            KINDS[event.collection](event.subject, event.sequence, event.parent, event.data)
            for event in events
            if event.collection in KINDS
        ],
    )


def keep_engagements(tx: Transaction, found: Iterable[Engagement]) -> None:
    """Keep each engagement unless its row speaks of a version as new, or newer.

    The rows are read first, in the transaction: one that somebody else changes meanwhile makes
    the two conflict, and the later one runs again.
    """
    newest: dict[str, Engagement] = {}
    for engagement in sorted(found, key=lambda each: each.sequence):
        newest[engagement.subject] = engagement
    if not newest:
        return
    shown = {"sequence": 1}
    there = engagements().find({"_id": {"$in": list(newest)}}, shown, session=tx.session)
    sequences = {row["_id"]: row["sequence"] for row in there}
    fresh = [row_of(each) for name, each in newest.items() if name not in sequences]
    later = [
        ReplaceOne({"_id": name}, row_of(each))
        for name, each in newest.items()
        if each.sequence > sequences.get(name, each.sequence)
    ]
    if fresh:
        engagements().insert_many(fresh, ordered=False, session=tx.session)
    if later:
        engagements().bulk_write(later, ordered=False, session=tx.session)


def amount_of(money: Money) -> Row:
    """An amount as it is stored."""
    return {"currency_code": money.currency_code, "amount": Decimal128(money.amount)}


def row_of(engagement: Engagement) -> Row:
    """The row as it is stored: nothing for what there is not."""
    money = engagement.amount
    row = {
        "_id": engagement.subject,
        "sequence": engagement.sequence,
        "collection": engagement.collection,
        "customers": list(engagement.customers),
        "parent": engagement.parent,
        "deleted": engagement.deleted,
        "time": engagement.time,
        "state": engagement.state or None,
        "amount": amount_of(money) if money is not None else None,
    }
    return {name: value for name, value in row.items() if value is not None}
