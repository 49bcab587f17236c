"""What every service answers of its own: long work, dead letters, and the counts of its ledger."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crm.api.v1 import (
    ledger_pb2,
    ledger_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
)
from google.api import httpbody_pb2

from crm_chassis.kernel.errors import Flaw, Forbidden, Invalid, NotFound
from crm_chassis.kernel.ids import id_of
from crm_chassis.mongo import operations
from crm_chassis.resources import ledger
from crm_chassis.resources.visibility import owner_condition
from crm_chassis.rpc.methods import moment_of, page_size_of
from crm_chassis.telemetry.context import current_call

Row = Mapping[str, Any]
# Gives the rows that an operation could not take, as a CSV file in pieces.
BadRows = Callable[[Row], Iterator[bytes]]
DEFAULT_ENTRIES, MOST_ENTRIES = 1_000, 10_000
CSV = "text/csv; charset=utf-8"


@dataclass(frozen=True)
class OperationServicer(operations_pb2_grpc.OperationServiceServicer):
    """The service's long work; `bad_rows` where an operation may leave some."""

    bad_rows: BadRows | None = None

    def GetOperation(
        self, request: operations_pb2.GetOperationRequest, _context: Any
    ) -> operations_pb2.Operation:
        return operations.to_message(_find(request.name))

    def CancelOperation(
        self, request: operations_pb2.CancelOperationRequest, _context: Any
    ) -> operations_pb2.Operation:
        row = operations.request_cancel(id_of(request.name), _visible())
        return operations.to_message(row)

    def DownloadBadRows(
        self, request: operations_pb2.DownloadBadRowsRequest, _context: Any
    ) -> Iterator[httpbody_pb2.HttpBody]:
        row = _find(request.name)
        if self.bad_rows is None:
            raise NotFound(f"{request.name} has no bad rows.")
        for piece in self.bad_rows(row):
            yield httpbody_pb2.HttpBody(content_type=CSV, data=piece)


@dataclass(frozen=True)
class LedgerCountServicer(ledger_pb2_grpc.LedgerCountServiceServicer):
    """What the service promised, stored and published."""

    service: str

    def ListLedgerEntries(
        self, request: ledger_pb2.ListLedgerEntriesRequest, _context: Any
    ) -> ledger_pb2.ListLedgerEntriesResponse:
        if request.service != self.service:
            raise NotFound(f"This is not {request.service}.")
        start, end = moment_of(request, "start_time"), moment_of(request, "end_time")
        if start is None or end is None or end <= start:
            flaw = Flaw("end_time", "OUT_OF_RANGE", "is not after the start", "query")
            raise Invalid("The span of time is not valid.", flaw)
        size = page_size_of(request, MOST_ENTRIES) or DEFAULT_ENTRIES
        rows = ledger.entries(start, end, request.page_token, size + 1)
        return ledger_pb2.ListLedgerEntriesResponse(
            entries=[_entry(row) for row in rows[:size]],
            next_page_token=ledger.position_of(rows[size - 1]) if len(rows) > size else "",
        )


def _find(name: str) -> Row:
    return operations.find(id_of(name), _visible())


def _visible() -> Row:
    """The condition for the rows that the call's right reaches."""
    call = current_call()
    level = call.principal.level(call.collection, call.action)
    if level is None:
        raise Forbidden(f"You may not {call.action} {call.collection}.")
    return owner_condition(call.principal, level)


def _entry(row: Row) -> ledger_pb2.LedgerEntry:
    names = ("event", "subject", "sequence", "time", "accepted", "stored", "published")
    return ledger_pb2.LedgerEntry(**{name: row[name] for name in names})
