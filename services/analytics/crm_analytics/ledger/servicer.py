"""The ledger over gRPC: every source is asked at the same time."""

from functools import partial

from crm.analytics.v1 import ledger_pb2, ledger_pb2_grpc

from crm_analytics.ledger.asking import Sources
from crm_analytics.ledger.queries import count_archived, reconcile
from crm_analytics.ledger.rules import Balance, Gap, Span, Stages, unasked
from crm_chassis.kernel.errors import Flaw, Invalid, Refusal
from crm_chassis.rpc.methods import moment_of


class LedgerServicer(ledger_pb2_grpc.LedgerServiceServicer):
    """Ask the services that announce events, compare, translate."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def ReconcileLedger(self, request, context):
        balances = self._balances(_span(request))
        return ledger_pb2.ReconcileLedgerResponse(
            sources=[_source(balance) for balance in balances],
            in_flight=sum(balance.in_flight for balance in balances),
            difference=sum(balance.difference for balance in balances),
        )

    def _balances(self, span: Span) -> list[Balance]:
        balances = self._sources.each(self._sources.names(), partial(self._balance, span))
        return list(balances.values())

    def _balance(self, span: Span, source: str) -> Balance:
        try:
            return reconcile(source, span, self._sources.told(source, span))
        except Refusal as refusal:
            return unasked(source, count_archived(source, span), refusal.reason)


def _span(request: ledger_pb2.ReconcileLedgerRequest) -> Span:
    start, end = moment_of(request, "start_time"), moment_of(request, "end_time")
    if start is None or end is None or end <= start:
        flaw = Flaw("end_time", "OUT_OF_RANGE", "is not after the start")
        raise Invalid("The span of time is not valid.", flaw)
    return Span(start, end)


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
