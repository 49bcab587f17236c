"""What every service answers of its own: long work and the counts of its ledger."""

from datetime import timedelta

import pytest
from crm.api.v1 import ledger_pb2, ledger_pb2_grpc, operations_pb2, operations_pb2_grpc
from crm.contacts.v1 import organizations_pb2, organizations_pb2_grpc

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Invalid, NotFound
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo import operations
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.rpc.shared import LedgerCountServicer, OperationServicer
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call, a_principal
from crm_chassis.testing.grpc import serving

OPERATIONS = operations_pb2_grpc.add_OperationServiceServicer_to_server
LEDGER = ledger_pb2_grpc.add_LedgerCountServiceServicer_to_server


@pytest.fixture
def service(keys, schema, kinds):
    services = [
        (OPERATIONS, OperationServicer(lambda row: iter([row["_id"].encode(), b",why\n"]))),
        (LEDGER, LedgerCountServicer("contacts")),
        (kinds.COMPANIES, kinds.Companies()),
    ]
    with serving(keys, "contacts", services, [kinds.Company]) as served:
        yield served


@pytest.fixture
def operation():
    """An operation that `owner` has asked for."""

    def begin(owner):
        with call_scope(a_call(owner)):
            row = in_transaction(operations.start, "contacts", "contacts:import", {})
        return f"operations/{row['_id']}"

    return begin


def test_an_operation_is_seen_and_stopped_by_whoever_asked_for_it(service, operation):
    owner = a_principal("OWN")
    name = operation(owner)
    stub = service.stub(operations_pb2_grpc.OperationServiceStub, owner)

    before = stub.GetOperation(operations_pb2.GetOperationRequest(name=name))
    stopped = stub.CancelOperation(operations_pb2.CancelOperationRequest(name=name))

    assert (before.name, before.metadata.kind, before.done) == (name, "contacts:import", False)
    assert stopped.metadata.cancel_requested


def test_an_operation_of_somebody_else_is_not_there(service, operation):
    name = operation(a_principal("OWN"))
    stub = service.stub(operations_pb2_grpc.OperationServiceStub, a_principal("OWN"))

    with pytest.raises(NotFound):
        stub.GetOperation(operations_pb2.GetOperationRequest(name=name))
    with pytest.raises(NotFound):
        stub.CancelOperation(operations_pb2.CancelOperationRequest(name=name))


def test_bad_rows_come_in_pieces_and_behind_the_same_guard(service, operation):
    owner = a_principal("OWN")
    name = operation(owner)
    stub = operations_pb2_grpc.OperationServiceStub(service.channel)
    request = operations_pb2.DownloadBadRowsRequest(name=name)

    pieces = list(stub.DownloadBadRows(request, timeout=5, metadata=service.metadata(owner)))
    stranger = stub.DownloadBadRows(
        request, timeout=5, metadata=service.metadata(a_principal("OWN"))
    )

    assert b"".join(piece.data for piece in pieces) == name.partition("/")[2].encode() + b",why\n"
    assert stranger.code().name == "NOT_FOUND"


def a_span(**fields):
    moment = now()
    asked = {"service": "contacts", "start_time": moment - timedelta(hours=1)}
    return ledger_pb2.ListLedgerEntriesRequest(
        **{**asked, "end_time": moment + timedelta(hours=1), **fields}
    )


def test_the_ledger_lists_what_was_promised_and_stored(service):
    companies = service.stub(organizations_pb2_grpc.OrganizationServiceStub)
    stub = service.stub(ledger_pb2_grpc.LedgerCountServiceStub)
    wanted = organizations_pb2.Organization(display_name="Acme")
    made = [
        companies.CreateOrganization(
            organizations_pb2.CreateOrganizationRequest(organization=wanted)
        )
        for _ in range(3)
    ]

    first = stub.ListLedgerEntries(a_span(page_size=2))
    second = stub.ListLedgerEntries(a_span(page_size=2, page_token=first.next_page_token))

    entries = [*first.entries, *second.entries]
    assert {entry.subject for entry in entries} == {company.name for company in made}
    assert [len(first.entries), len(second.entries), second.next_page_token] == [2, 1, ""]
    assert all(entry.accepted and entry.stored and not entry.published for entry in entries)


def test_the_ledger_of_another_service_is_not_here(service):
    stub = service.stub(ledger_pb2_grpc.LedgerCountServiceStub)

    with pytest.raises(NotFound):
        stub.ListLedgerEntries(a_span(service="sales"))
    with pytest.raises(Invalid):
        stub.ListLedgerEntries(a_span(end_time=now() - timedelta(days=1)))


def test_an_operation_that_never_was_is_not_there(service):
    stub = service.stub(operations_pb2_grpc.OperationServiceStub)

    with pytest.raises(NotFound):
        stub.GetOperation(
            operations_pb2.GetOperationRequest(name=f"operations/contacts.{new_id()}")
        )
