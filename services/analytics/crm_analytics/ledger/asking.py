"""The sources of the ledger: the services that announce events, each asked by pages."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC
from typing import TypeVar

from crm.api.v1 import ledger_pb2 as counts_pb2
from crm.api.v1 import ledger_pb2_grpc as counts_pb2_grpc

from crm_analytics.ledger.queries import archived_sources
from crm_analytics.ledger.rules import Span, Trace
from crm_chassis.events.catalog import announced
from crm_chassis.rpc.channels import Peers
from crm_chassis.telemetry.context import current_call

T = TypeVar("T")
PAGE = 10_000
# The share of the time left that a page may take: the rest is for the answer without it.
SHARE = 0.8


class Sources:
    """The services that announce events, asked in this service's own name."""

    def __init__(self, peers: Peers, page_size: int = PAGE) -> None:
        self._peers = peers
        self._page_size = page_size

    @property
    def announcing(self) -> list[str]:
        """The peers that announce events."""
        return sorted(peer for peer in self._peers.names if announced(peer.replace("-", "_")))

    def names(self) -> list[str]:
        """The peers that announce events, and whoever the journal has events of."""
        return sorted({*self.announcing, *archived_sources()})

    def each(self, names: Sequence[str], work: Callable[[str], T]) -> Mapping[str, T]:
        """What `work` gives for each source; all at the same time, for the current call."""
        with ThreadPoolExecutor(max(1, len(names)), "ledger") as pool:
            pending = {name: pool.submit(copy_context().run, work, name) for name in names}
            return {name: each.result() for name, each in pending.items()}

    def told(self, source: str, span: Span) -> Iterator[Trace]:
        """What the source says of its events, by time and event id.

        The next page is asked for before this one is looked at, so that both sides work.

        Raises:
            Refusal: the source's; `Unavailable` or `Overdue` when it gave no answer.
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


def _patience() -> float | None:
    deadline = current_call().deadline
    return None if deadline is None else SHARE * (deadline - time.monotonic())


def _trace(entry: counts_pb2.LedgerEntry) -> Trace:
    moment = entry.time.ToDatetime(UTC)
    stages = entry.accepted + 2 * entry.stored + 4 * entry.published
    return Trace(entry.event, entry.subject, entry.sequence, moment, stages)
