"""Reads of indicators: from the events of the journal, and from what was open when."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm_analytics.insights.rules import money_of
from crm_analytics.journal.documents import journal
from crm_analytics.kpis.documents import LASTING, open_spans
from crm_analytics.kpis.rules import (
    KPIS,
    Calendar,
    OpenSpan,
    Value,
    amounts,
    counts,
    medians,
    open_amounts,
    open_counts,
    ratios,
)
from crm_analytics.parents.queries import reach
from crm_chassis.kernel.clock import parse_rfc3339
from crm_chassis.kernel.money import Money
from crm_chassis.resources.known import KNOWN
from crm_chassis.telemetry.context import Principal

Row = dict[str, Any]
# Whose owner and teams decide who sees an event, where it is not the resource itself.
_PARENTS = {"deliveries": "campaigns"}
_CASES = "^crm\\.service_desk\\.case\\."
_SENT, _FAILED, _LOST, _UNSUBSCRIBED = (
    f"crm.campaigns.delivery.{word}.v1" for word in ("sent", "failed", "lost", "unsubscribed")
)


def values_of(kpi: str, calendar: Calendar, principal: Principal) -> list[Value]:
    """The values of an indicator, by day, of what the principal may see."""
    if not calendar.days or principal.level(KPIS[kpi].collection, "READ") is None:
        return []
    return list(_READS[kpi](calendar, principal))


def _new_contacts(calendar: Calendar, principal: Principal) -> Iterator[Value]:
    rows = _events("contacts", calendar, principal, "crm.contacts.contact.created.v1")
    return counts(calendar, _count(calendar, rows))


def _won_amount(calendar: Calendar, principal: Principal) -> Iterator[Value]:
    by_day: dict[date, list[Money]] = defaultdict(list)
    won = "crm.sales.deal.won.v1"
    for row in _events("deals", calendar, principal, won, shown=["data.amount"]):
        money = money_of(row["data"].get("amount"))
        if money is not None:
            by_day[calendar.day_of(row["time"])].append(money)
    return amounts(calendar, by_day)


def _median_first_response(calendar: Calendar, principal: Principal) -> Iterator[Value]:
    by_day: dict[date, list[Decimal]] = defaultdict(list)
    shown = ["data.createTime", "data.firstResponseTime"]
    wanted = {"paths": "firstResponseTime", "type": {"$regex": _CASES}}
    for row in _rows("cases", calendar, principal, wanted, shown):
        told = row["data"]
        if told.get("firstResponseTime"):
            answered = parse_rfc3339(told["firstResponseTime"])
            seconds = (answered - parse_rfc3339(told["createTime"])).total_seconds()
            by_day[calendar.day_of(answered)].append(Decimal(str(seconds)))
    return medians(calendar, by_day)


def _delivery_rate(calendar: Calendar, principal: Principal) -> Iterator[Value]:
    rows = list(_events("deliveries", calendar, principal, _SENT, _FAILED, _LOST, shown=["type"]))
    sent = _count(calendar, (row for row in rows if row["type"] == _SENT))
    return ratios(calendar, sent, _count(calendar, rows))


def _unsubscribe_rate(calendar: Calendar, principal: Principal) -> Iterator[Value]:
    sent = _count(calendar, _events("deliveries", calendar, principal, _SENT))
    wanted = {"type": _UNSUBSCRIBED, "time": {"$gte": calendar.start}}
    gone: dict[date, int] = defaultdict(int)
    for row in _rows("deliveries", calendar, principal, wanted, ["data.sendTime"]):
        if row["data"].get("sendTime"):
            gone[calendar.day_of(parse_rfc3339(row["data"]["sendTime"]))] += 1
    return ratios(calendar, gone, sent)


def _open_pipeline(calendar: Calendar, principal: Principal) -> Iterator[Value]:
    return open_amounts(calendar, _open_spans("deals", calendar, principal))


def _open_cases(calendar: Calendar, principal: Principal) -> Iterator[Value]:
    return open_counts(calendar, _open_spans("cases", calendar, principal))


_READS: Mapping[str, Callable[[Calendar, Principal], Iterator[Value]]] = {
    "new-contacts": _new_contacts,
    "open-pipeline": _open_pipeline,
    "won-amount": _won_amount,
    "open-cases": _open_cases,
    "median-first-response": _median_first_response,
    "delivery-rate": _delivery_rate,
    "unsubscribe-rate": _unsubscribe_rate,
}


def _events(
    collection: str,
    calendar: Calendar,
    principal: Principal,
    *types: str,
    shown: Sequence[str] = (),
) -> Iterator[Row]:
    """The events of these types on the calendar's days, whose parents the principal sees."""
    return _rows(collection, calendar, principal, {"type": {"$in": list(types)}}, shown)


def _rows(
    collection: str, calendar: Calendar, principal: Principal, wanted: Row, shown: Sequence[str]
) -> Iterator[Row]:
    matching = {"time": {"$gte": calendar.start, "$lt": calendar.end}, **wanted}
    seen = _seen(principal, _PARENTS.get(collection, collection))
    fields = dict.fromkeys(["time", *shown], 1)
    yield from journal().aggregate([{"$match": matching}, *seen, {"$project": fields}])


def _open_spans(collection: str, calendar: Calendar, principal: Principal) -> Iterator[OpenSpan]:
    matching = {
        "collection": collection,
        "end": {"$gt": calendar.start},
        "start": {"$lt": calendar.end},
    }
    stages = [{"$match": matching}, *_seen(principal, collection)]
    for row in open_spans().aggregate(stages):
        end: datetime | None = row["end"] if row["end"] < LASTING else None
        told = row.get("amount")
        amount = Money(told["currency_code"], told["amount"].to_decimal()) if told else None
        yield OpenSpan(row["start"], end, amount)


def _seen(principal: Principal, collection: str) -> list[Row]:
    """The stages that leave what stands under a parent that the principal sees."""
    condition = reach(principal, collection)
    if not condition:
        return []
    found = {
        "from": KNOWN,
        "localField": "parent",
        "foreignField": "_id",
        "pipeline": [{"$match": condition}, {"$project": {"_id": 1}}],
        "as": "seen",
    }
    return [{"$lookup": found}, {"$match": {"seen": {"$ne": []}}}]


def _count(calendar: Calendar, rows: Iterable[Row]) -> dict[date, int]:
    found: dict[date, int] = defaultdict(int)
    for row in rows:
        found[calendar.day_of(row["time"])] += 1
    return found
