"""Reads of insights: now from the engagements, of a moment from the journal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from crm_analytics.insights.documents import engagements
from crm_analytics.insights.rules import KINDS, Engagement, Insights, Tally, add_up, tally
from crm_analytics.journal.documents import journal
from crm_analytics.parents.queries import Sight, may_read, sees_all
from crm_chassis.kernel.ids import collection_of
from crm_chassis.kernel.money import Money
from crm_chassis.telemetry.context import ANY

# Of an organization's people so many are looked at, as in the section of its interactions.
MOST_PEOPLE = 1_000
PEOPLE, MEETINGS = "contacts", "interactions"
Row = dict[str, Any]


def insights_now(customer: str, sight: Sight) -> Insights:
    """What the customer's engagements add up to, as far as they are seen.

    To an organization's own count the interactions with its people.
    """
    principal = sight.principal
    everywhere = sees_all(principal, ANY)
    wanted = {"$or": list(_wanted(customer)), "deleted": False}
    rows = list(engagements().aggregate([{"$match": wanted}, _group(everywhere)]))
    if not everywhere:
        rows = [row for row in rows if may_read(principal, row["_id"]["collection"])]
        hidden = sight.hides({row["_id"]["parent"] for row in rows})
        rows = [row for row in rows if row["_id"]["parent"] not in hidden]
    return add_up(_tally(row) for row in rows)


def insights_then(customer: str, sight: Sight, moment: datetime) -> Insights:
    """The same as it was at a moment; rights are today's."""
    found = _engagements_then([customer], moment)
    people = [each.subject for each in found if each.collection == PEOPLE][:MOST_PEOPLE]
    if people and not _is_person(customer):
        found += [each for each in _engagements_then(people, moment) if each.collection == MEETINGS]
    found = [each for each in found if may_read(sight.principal, each.collection)]
    hidden = sight.hides({each.parent for each in found})
    return add_up(tally(each) for each in found if each.parent not in hidden)


def people_of(customer: str, most: int = MOST_PEOPLE) -> list[str]:
    """The names of an organization's people; a person has none."""
    if _is_person(customer):
        return []
    people = {"customers": customer, "collection": PEOPLE, "deleted": False}
    return [row["_id"] for row in engagements().find(people, {"_id": 1}).limit(most)]


def _wanted(customer: str) -> Iterator[Row]:
    yield {"customers": customer}
    if people := people_of(customer):
        yield {"customers": {"$in": people}, "collection": MEETINGS}


def _is_person(customer: str) -> bool:
    return collection_of(customer) == PEOPLE


def _group(everywhere: bool) -> Row:
    """Few groups: by what counts apart, and by parent where it decides who sees the engagement."""
    key = {
        "collection": "$collection",
        "state": "$state",
        "currency": "$amount.currency_code",
        "parent": "" if everywhere else "$parent",
    }
    sums = {
        "count": {"$sum": 1},
        "first": {"$min": "$time"},
        "last": {"$max": "$time"},
        "amount": {"$sum": "$amount.amount"},
    }
    return {"$group": {"_id": key, **sums}}


def _tally(row: Row) -> Tally:
    key = row["_id"]
    currency = key.get("currency")
    return Tally(
        collection=key["collection"],
        state=key.get("state") or "",
        count=row["count"],
        first=row["first"],
        last=row["last"],
        amount=Money(currency, row["amount"].to_decimal()) if currency else None,
    )


def _engagements_then(customers: Sequence[str], moment: datetime) -> list[Engagement]:
    """The newest version of each engagement at the moment, of those that stood with a customer.

    An event names the customers of before and after: the engagement itself tells whose it is.
    """
    newest = {name: {"$first": f"${name}"} for name in ("sequence", "parent", "data")}
    stages: list[Row] = [
        {"$match": {"customers": {"$in": list(customers)}, "time": {"$lte": moment}}},
        {"$sort": {"subject": 1, "sequence": -1}},
        {"$group": {"_id": "$subject", **newest}},
    ]
    found = [_engagement(row) for row in journal().aggregate(stages, allowDiskUse=True)]
    stood = [each for each in found if each is not None and not each.deleted]
    return [each for each in stood if not set(customers).isdisjoint(each.customers)]


def _engagement(row: Mapping[str, Any]) -> Engagement | None:
    of_data = KINDS.get(collection_of(row["_id"]))
    if of_data is None:
        return None
    return of_data(row["_id"], row["sequence"], row["parent"], row["data"])
