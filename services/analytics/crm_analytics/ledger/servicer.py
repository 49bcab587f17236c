"""The ledger over gRPC: every source is asked at the same time, each by pages."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC

from crm.analytics.v1 import ledger_pb2, ledger_pb2_grpc
from crm.api.v1 import ledger_pb2 as counts_pb2
from crm.api.v1 import ledger_pb2_grpc as counts_pb2_grpc

from crm_analytics.ledger.queries import archived_sources, count_archived, reconcile
from crm_analytics.ledger.rules import Balance, Gap, Span, Stages, Trace, unasked
from crm_chassis.events.catalog import announced
from crm_chassis.kernel.errors import Flaw, Invalid, Refusal
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.methods import moment_of
from crm_chassis.telemetry.context import current_call

PAGE = 10_000
# The share of the time left that a page may take: the rest is for the answer without it.
SHARE = 0.8


class LedgerServicer(ledger_pb2_grpc.LedgerServiceServicer):
    """Ask the services that announce events, compare, translate."""

    def __init__(self, peers: Peers, page_size: int = PAGE) -> None:
        self._peers = peers
        self._page_size = page_size

    def ReconcileLedger(self, request, context):
        balances = self._balances(_span(request))
        return ledger_pb2.ReconcileLedgerResponse(
            sources=[_source(balance) for balance in balances],
            in_flight=sum(balance.in_flight for balance in balances),
            difference=sum(balance.difference for balance in balances),
        )

    def _balances(self, span: Span) -> list[Balance]:
        sources = _sources(self._peers.names)
        with ThreadPoolExecutor(max(1, len(sources)), "ledger") as pool:
            pending = [
                pool.submit(copy_context().run, self._balance, source, span) for source in sources
            ]
            return [each.result() for each in pending]

    def _balance(self, source: str, span: Span) -> Balance:
        try:
            return reconcile(source, span, self._told(source, span))
        except Refusal as refusal:
            return unasked(source, count_archived(source, span), refusal.reason)

    def _told(self, source: str, span: Span) -> Iterator[Trace]:
        """What the source says of its events; it is asked in this service's own name.

        The next page is asked for before this one is looked at, so that both sides work.
        """
        stub = self._peers.stub(
            source, counts_pb2_grpc.LedgerCountServiceStub, self._peers.own_authorization
        )
        request = counts_pb2.ListLedgerEntriesRequest(
            service=source, start_time=span.start, end_time=span.end, page_size=self._page_size
        )
        ask = stub.ListLedgerEntries
        pending = ask.future(request, timeout=_patience())
        while True:
            page = pending.result()
            request.page_token = page.next_page_token
            if request.page_token:
                pending = ask.future(request, timeout=_patience())
            yield from map(_trace, page.entries)
            if not request.page_token:
                return


def _span(request: ledger_pb2.ReconcileLedgerRequest) -> Span:
    start, end = moment_of(request, "start_time"), moment_of(request, "end_time")
    if start is None or end is None or end <= start:
        flaw = Flaw("end_time", "OUT_OF_RANGE", "is not after the start")
        raise Invalid("The span of time is not valid.", flaw)
    return Span(start, end)


def _sources(peers: Sequence[str]) -> list[str]:
    """The peers that announce events, and whoever the journal has events of."""
    announcing = {peer for peer in peers if announced(peer.replace("-", "_"))}
    return sorted(announcing.union(archived_sources()))


def _patience() -> float | None:
    deadline = current_call().deadline
    return None if deadline is None else SHARE * (deadline - time.monotonic())


def _trace(entry: counts_pb2.LedgerEntry) -> Trace:
    moment = entry.time.ToDatetime(UTC)
    stages = entry.accepted + 2 * entry.stored + 4 * entry.published
    return Trace(entry.event, entry.subject, entry.sequence, moment, stages)


def _source(balance: Balance) -> ledger_pb2.LedgerSource:
    return ledger_pb2.LedgerSource(
        source=balance.source,
        accepted=balance.accepted,
        stored=balance.stored,
        published=balance.published,
        archived=balance.archived,
        in_flight=balance.in_flight,
        difference=balance.difference,
        missing=balance.missing,
        gaps=[_gap(gap) for gap in balance.gaps],
        unavailable=balance.unavailable,
    )


def _gap(gap: Gap) -> ledger_pb2.LedgerGap:
    names = [stage.name for stage in Stages if stage.name]
    present = [name for name in names if Stages[name] in gap.stages]
    return ledger_pb2.LedgerGap(
        event=gap.event,
        subject=gap.subject,
        sequence=gap.sequence,
        present=present,
        absent=[name for name in names if name not in present],
    )
