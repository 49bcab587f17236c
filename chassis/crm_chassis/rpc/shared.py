"""What every service answers of its own: long work, dead letters, and the counts of its ledger."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from crm.api.v1 import (
    dead_letters_pb2,
    dead_letters_pb2_grpc,
    ledger_pb2,
    ledger_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
)
from google.api import httpbody_pb2

from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.kernel.errors import Flaw, Forbidden, Invalid, NotFound
from crm_chassis.kernel.ids import id_of
from crm_chassis.mongo import dead_letters, operations
from crm_chassis.mongo.inbox import MEMORY
from crm_chassis.resources import ledger
from crm_chassis.resources.document import Resource
from crm_chassis.resources.visibility import owner_condition, require
from crm_chassis.rpc.methods import moment_of, page_size_of
from crm_chassis.rpc.table import Service
from crm_chassis.telemetry.context import current_call
from crm_chassis.telemetry.logging import logger

Row = Mapping[str, Any]
# Gives the rows that an operation could not take, as a CSV file in pieces.
BadRows = Callable[[Row], Iterator[bytes]]
DEFAULT_ENTRIES, MOST_ENTRIES = 1_000, 10_000
# How many events one call lets be published again, and how old they may be: a consumer that has
# forgotten that it took one would take it twice.
AT_ONCE, REPUBLISHED = 5_000, MEMORY - timedelta(days=1)
CSV = "text/csv; charset=utf-8"
log = logger(__name__)
_LETTER = (
    "service",
    "queue",
    "reason",
    "first_time",
    "last_time",
    "attempts",
    "body",
    "state",
    "content_type",
    "type",
)


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
class DeadLetterServicer(dead_letters_pb2_grpc.DeadLetterServiceServicer):
    """The messages that the service could not take.

    A letter holds a whole resource, whosever it is: one has to have the right to all of them.
    """

    service: str

    def GetDeadLetter(
        self, request: dead_letters_pb2.GetDeadLetterRequest, _context: Any
    ) -> dead_letters_pb2.DeadLetter:
        return self._letter(dead_letters.get_dead_letter, request.name)

    def ListServiceDeadLetters(
        self, request: dead_letters_pb2.ListServiceDeadLettersRequest, _context: Any
    ) -> dead_letters_pb2.ListServiceDeadLettersResponse:
        _require_all()
        _refuse_other(self.service, request.service)
        rows, token = dead_letters.list_dead_letters(page_size_of(request), request.page_token)
        return dead_letters_pb2.ListServiceDeadLettersResponse(
            dead_letters=[_dead_letter(row) for row in rows], next_page_token=token
        )

    def ReplayDeadLetter(
        self, request: dead_letters_pb2.ReplayDeadLetterRequest, _context: Any
    ) -> dead_letters_pb2.DeadLetter:
        return self._letter(dead_letters.replay, request.name)

    def ParkDeadLetter(
        self, request: dead_letters_pb2.ParkDeadLetterRequest, _context: Any
    ) -> dead_letters_pb2.DeadLetter:
        return self._letter(dead_letters.park, request.name)

    def DiscardDeadLetter(
        self, request: dead_letters_pb2.DiscardDeadLetterRequest, _context: Any
    ) -> dead_letters_pb2.DeadLetter:
        return self._letter(dead_letters.discard, request.name)

    def _letter(self, act: Callable[[str], Row], name: str) -> dead_letters_pb2.DeadLetter:
        _require_all()
        return _dead_letter(act(id_of(name)))


@dataclass(frozen=True)
class LedgerCountServicer(ledger_pb2_grpc.LedgerCountServiceServicer):
    """What the service promised, stored and published, and what of its documents nothing tells."""

    service: str
    documents: Sequence[type[Resource]] = ()

    def ListLedgerEntries(
        self, request: ledger_pb2.ListLedgerEntriesRequest, _context: Any
    ) -> ledger_pb2.ListLedgerEntriesResponse:
        _refuse_other(self.service, request.service)
        start, end = _span_of(request, "query")
        size = page_size_of(request, MOST_ENTRIES) or DEFAULT_ENTRIES
        rows = ledger.entries(start, end, request.page_token, size + 1, self.documents)
        return ledger_pb2.ListLedgerEntriesResponse(
            entries=[_entry(row) for row in rows[:size]],
            next_page_token=ledger.position_of(rows[size - 1]) if len(rows) > size else "",
        )

    def RepublishEvents(
        self, request: ledger_pb2.RepublishEventsRequest, _context: Any
    ) -> ledger_pb2.RepublishEventsResponse:
        _require_all()
        _refuse_other(self.service, request.service)
        start, end = _span_of(request, "body")
        if start < now() - REPUBLISHED:
            said = f"is more than {REPUBLISHED.days} days ago"
            raise Invalid(
                "The span of time is not valid.", Flaw("start_time", "OUT_OF_RANGE", said)
            )
        count, token = ledger.publish_again(start, end, request.page_token, AT_ONCE)
        log.info("events published again", time=rfc3339(start), count=count)
        return ledger_pb2.RepublishEventsResponse(republished=count, next_page_token=token)


def shared_services(
    service: str, documents: Sequence[type[Resource]] = (), bad_rows: BadRows | None = None
) -> list[Service]:
    """What every service answers of its own, as a server takes it.

    `documents` are the kinds of resources that it stores, `bad_rows` as in `OperationServicer`.
    """
    return [
        (
            operations_pb2_grpc.add_OperationServiceServicer_to_server,
            OperationServicer(bad_rows),
        ),
        (
            dead_letters_pb2_grpc.add_DeadLetterServiceServicer_to_server,
            DeadLetterServicer(service),
        ),
        (
            ledger_pb2_grpc.add_LedgerCountServiceServicer_to_server,
            LedgerCountServicer(service, documents),
        ),
    ]


def _span_of(request: Any, place: Literal["body", "query"]) -> tuple[datetime, datetime]:
    start, end = moment_of(request, "start_time"), moment_of(request, "end_time")
    if start is None or end is None or end <= start:
        flaw = Flaw("end_time", "OUT_OF_RANGE", "is not after the start", place)
        raise Invalid("The span of time is not valid.", flaw)
    return start, end


def _refuse_other(own: str, asked: str) -> None:
    if asked != own:
        raise NotFound(f"This is not {asked}.")


def _require_all() -> None:
    call = current_call()
    if call.principal.level(call.collection, call.action) != "ALL":
        raise Forbidden(f"You may not {call.action} all {call.collection}.")


def _dead_letter(row: Row) -> dead_letters_pb2.DeadLetter:
    same = {name: row[name] for name in _LETTER if row.get(name)}
    return dead_letters_pb2.DeadLetter(name=f"deadLetters/{row['_id']}", **same)


def _find(name: str) -> Row:
    return operations.find(id_of(name), _visible())


def _visible() -> Row:
    """The condition for the rows that the caller may see, whatever the call does to them."""
    call = current_call()
    return owner_condition(call.principal, require(call.principal, call.collection, "READ"))


def _entry(row: Row) -> ledger_pb2.LedgerEntry:
    names = ("event", "subject", "sequence", "time", "accepted", "stored", "published")
    return ledger_pb2.LedgerEntry(**{name: row[name] for name in names})
