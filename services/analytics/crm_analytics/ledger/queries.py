"""What the journal tells the ledger, and the comparison of one source with it."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice

from crm_analytics.journal.documents import journal
from crm_analytics.ledger.rules import Account, Balance, Gap, Span, Stages, Trace, together
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
