"""What the journal tells the ledger, the comparison of one source with it, and what it came to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain, islice
from typing import Any

from crm_analytics.journal.documents import journal
from crm_analytics.ledger.documents import WATCH, minutes, watches
from crm_analytics.ledger.rules import (
    WATCHED,
    Account,
    Balance,
    Gap,
    Span,
    Stages,
    Trace,
    minute_of,
    together,
)
from crm_chassis.kernel.clock import now

_AT_ONCE = 1_000
_SOURCE = "/crm/"


def archived_sources() -> list[str]:
    """The services that the journal has anything of."""
    return [source.removeprefix(_SOURCE) for source in journal().distinct("source")]


def count_archived(service: str, span: Span) -> int:
    """How many events of the service the journal has of the span."""
    return journal().count_documents(_of(service, span))


def reconcile(service: str, span: Span, told: Iterable[Trace]) -> Balance:
    """Compare what a service tells of its events, by time and event id, with the journal's.

    A version that neither has, but a later one of the same resource, is missing as well, and so is
    one that the resource is at.
    """
    account = Account(service, now())
    for trace in together(told, _archived(service, span)):
        account.take(trace)
    return _concluded(account)


def reconcile_minutes(
    service: str, span: Span, told: Iterable[Trace]
) -> Mapping[datetime, Balance]:
    """The same for each minute of the span in which anything happened.

    Each stands for itself: a version that the journal lacks is missing in its own minute, and as
    the one before in the minute of the next.
    """
    moment = now()
    accounts: dict[datetime, Account] = {}
    for trace in together(told, _archived(service, span)):
        start = minute_of(trace.time)
        account = accounts.get(start)
        if account is None:
            account = accounts[start] = Account(service, moment)
        account.take(trace)
    return {start: _concluded(account) for start, account in accounts.items()}


def watched_until() -> tuple[datetime, Mapping[str, datetime]]:
    """Up to when each source was looked at and answered; the others from the first moment on."""
    row = watches().find_one({"_id": WATCH}) or {}
    begin = minute_of(now() - WATCHED)
    return max(row.get("since", begin), begin), row.get("until", {})


def minutes_due(source: str) -> list[datetime]:
    """The minutes of the last day to look at again: those not whole, and each now and then."""
    moment = now()
    wanted = {"source": source, "again": {"$lte": moment}, "start": {"$gte": moment - WATCHED}}
    return [row["start"] for row in minutes().find(wanted, {"start": 1}).sort("start", 1)]


def figures_of_sources() -> Mapping[str, Mapping[str, float]]:
    """What the rows tell of each source, by `accepted` and `missing` of the last day, `checked`."""
    first, until = watched_until()
    figures: dict[str, defaultdict[str, float]] = {
        "accepted": defaultdict(float),
        "missing": defaultdict(float),
        "checked": defaultdict(first.timestamp),
    }
    figures["checked"] |= {source: moment.timestamp() for source, moment in until.items()}
    sums = {name: {"$sum": f"${name}"} for name in ("accepted", "missing")}
    stages: list[dict[str, Any]] = [
        {"$match": {"start": {"$gte": now() - WATCHED}}},
        {"$group": {"_id": "$source", **sums}},
    ]
    for row in minutes().aggregate(stages):
        for name in sums:
            figures[name][row["_id"]] = row[name]
    return figures


def _concluded(account: Account) -> Balance:
    """The balance, once the versions are counted in that nobody has an event of."""
    versions = account.versions
    nowhere = (versions.holes(), _unknown(versions.befores()), _unknown(account.untold))
    for subject, version in chain.from_iterable(nowhere):
        account.balance.lack(Gap("", subject, version, Stages.NONE))
    return account.balance


def _of(service: str, span: Span) -> dict[str, object]:
    return {"source": _SOURCE + service, "time": {"$gte": span.start, "$lt": span.end}}


def _archived(service: str, span: Span) -> Iterator[Trace]:
    shown = {"subject": 1, "sequence": 1, "time": 1}
    rows = journal().find(_of(service, span), shown, batch_size=10_000)
    for row in rows.sort([("time", 1), ("_id", 1)]):
        yield Trace(row["_id"], row["subject"], row["sequence"], row["time"], Stages.ARCHIVED.value)


def _unknown(versions: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Those of the versions that the journal does not have, whenever they were."""
    remaining = iter(versions)
    while some := dict(islice(remaining, _AT_ONCE)):
        wanted = {"subject": {"$in": sorted(some)}}
        # Answered from the index alone.
        rows = journal().find(wanted, {"_id": 0, "subject": 1, "sequence": 1})
        for row in rows:
            if some.get(row["subject"]) == row["sequence"]:
                del some[row["subject"]]
        yield from some.items()
