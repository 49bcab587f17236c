"""Imports over gRPC: repeated safely, refused precisely, seen by those who may."""

import csv
from collections.abc import Iterator
from threading import Event

import grpc
import pytest
from crm.api.v1 import operations_pb2, operations_pb2_grpc
from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc

from crm_chassis.kernel.errors import Forbidden, Invalid, KeyReused, NotFound
from crm_chassis.rpc.errors import refusal_of
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import Served, make_keys, serving
from crm_chassis.working.operations import Operations
from crm_contacts.api import DOCUMENTS, SERVICES
from crm_contacts.worker import OPERATIONS

Request = contacts_pb2.ImportContactsRequest
FILE = b"id,first\n1,Ann\n2,\n"
COLUMNS = {"id": "externalIds.erp", "first": "givenName"}


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    keys = make_keys(tmp_path, ("gateway", "contacts"))
    with serving(keys, "contacts", SERVICES, DOCUMENTS) as served:
        yield served


def send(served, caller, content=FILE, columns=None, **told):
    def requests() -> Iterator[Request]:
        yield Request(config={"columns": columns or COLUMNS})
        yield Request(chunk=content)

    stub = contacts_pb2_grpc.ContactServiceStub(served.channel)
    return ask(stub.ImportContacts, requests(), served.metadata(caller, **told))


def ask(method, request, metadata):
    try:
        return method(request, metadata=metadata, timeout=60)
    except grpc.RpcError as error:
        raise refusal_of(error) from error


def test_an_upload_that_is_repeated_is_imported_once(served, database):
    caller = a_principal()

    first = send(served, caller, idempotency_key="once")
    again = send(served, caller, idempotency_key="once")
    with pytest.raises(KeyReused):
        send(served, caller, content=FILE + b"3,Cid\n", idempotency_key="once")

    assert again == first
    assert database["operations"].count_documents({}) == 1
    assert database["imports.files"].count_documents({}) == 1


def test_an_import_is_followed_cancelled_and_its_bad_rows_downloaded(served):
    caller = a_principal()
    stub = operations_pb2_grpc.OperationServiceStub(served.channel)
    name = send(served, caller).name
    metadata = served.metadata(caller)

    Operations(OPERATIONS, Event()).carry_on_one()

    found = ask(stub.GetOperation, operations_pb2.GetOperationRequest(name=name), metadata)
    assert (found.done, found.metadata.kind) == (True, "contacts:import")
    assert (found.response["created"], found.response["failed"]) == (1, 1)
    cancel = operations_pb2.CancelOperationRequest(name=name)
    assert ask(stub.CancelOperation, cancel, metadata) == found
    download = operations_pb2.DownloadBadRowsRequest(name=name)
    pieces = list(stub.DownloadBadRows(download, metadata=metadata, timeout=60))
    [header, row] = csv.reader(b"".join(piece.data for piece in pieces).decode().splitlines())
    assert {piece.content_type for piece in pieces} == {"text/csv; charset=utf-8"}
    assert header == ["id", "first", "reason"]
    assert row[:2] == ["2", ""]
    assert "NAMELESS" in row[2]


def test_an_import_is_for_those_who_may_and_seen_by_nobody_else(served):
    name = send(served, a_principal("OWN")).name
    stub = operations_pb2_grpc.OperationServiceStub(served.channel)
    request = operations_pb2.GetOperationRequest(name=name)

    with pytest.raises(NotFound):
        ask(stub.GetOperation, request, served.metadata(a_principal("OWN")))
    with pytest.raises(Forbidden):
        send(served, a_principal(CREATE="ALL", READ="ALL"))

    assert ask(stub.GetOperation, request, served.metadata(a_principal())).name == name


@pytest.mark.parametrize(
    ("content", "columns", "field", "reason"),
    [
        (b"", COLUMNS, "file", "EMPTY_FILE"),
        (FILE, {"id": "nickname"}, "config.columns.id", "UNKNOWN_FIELD"),
        (FILE, {"town": "givenName"}, "config.columns.town", "UNKNOWN_COLUMN"),
    ],
)
def test_what_is_wrong_is_told_at_once(served, content, columns, field, reason):
    with pytest.raises(Invalid) as refused:
        send(served, a_principal(), content, columns)

    assert [(flaw.field, flaw.reason) for flaw in refused.value.flaws] == [(field, reason)]
