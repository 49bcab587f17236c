"""What every service answers of its own: long work and the counts of its ledger."""

from datetime import timedelta

import pytest
from crm.api.v1 import (
    dead_letters_pb2,
    dead_letters_pb2_grpc,
    ledger_pb2,
    ledger_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
)
from crm.contacts.v1 import organizations_pb2, organizations_pb2_grpc

from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Forbidden, Invalid, NotAllowed, NotFound
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo import dead_letters, operations, outbox
from crm_chassis.mongo.dead_letters import Letter
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.rpc import shared
from crm_chassis.rpc.shared import DeadLetterServicer, LedgerCountServicer, OperationServicer
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call, a_principal
from crm_chassis.testing.grpc import serving

OPERATIONS = operations_pb2_grpc.add_OperationServiceServicer_to_server
DEAD_LETTERS = dead_letters_pb2_grpc.add_DeadLetterServiceServicer_to_server
LEDGER = ledger_pb2_grpc.add_LedgerCountServiceServicer_to_server


@pytest.fixture
def service(keys, schema, kinds):
    services = [
        (OPERATIONS, OperationServicer(lambda row: iter([row["_id"].encode(), b",why\n"]))),
        (DEAD_LETTERS, DeadLetterServicer("contacts")),
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
    stranger = a_principal(READ="OWN", CREATE="ALL")
    stub = service.stub(operations_pb2_grpc.OperationServiceStub, stranger)

    with pytest.raises(NotFound):
        stub.GetOperation(operations_pb2.GetOperationRequest(name=name))
    with pytest.raises(NotFound):
        stub.CancelOperation(operations_pb2.CancelOperationRequest(name=name))


def test_bad_rows_come_in_pieces_and_behind_the_same_guard(service, operation):
    owner = a_principal("OWN")
    name = operation(owner)
    stub = operations_pb2_grpc.OperationServiceStub(service.channel)
    request = operations_pb2.DownloadBadRowsRequest(name=name)

    pieces = list(stub.DownloadBadRows(request, timeout=60, metadata=service.metadata(owner)))
    stranger = stub.DownloadBadRows(
        request, timeout=60, metadata=service.metadata(a_principal("OWN"))
    )

    assert b"".join(piece.data for piece in pieces) == name.partition("/")[2].encode() + b",why\n"
    assert stranger.code().name == "NOT_FOUND"


def a_span(**fields):
    moment = now()
    asked = {"service": "contacts", "start_time": moment - timedelta(hours=1)}
    return ledger_pb2.ListLedgerEntriesRequest(
        **{**asked, "end_time": moment + timedelta(hours=1), **fields}
    )


def some_companies(service, count=3):
    companies = service.stub(organizations_pb2_grpc.OrganizationServiceStub)
    wanted = organizations_pb2.Organization(display_name="Acme")
    request = organizations_pb2.CreateOrganizationRequest(organization=wanted)
    return [companies.CreateOrganization(request).name for _ in range(count)]


def to_republish(**fields):
    moment = now()
    asked = {"service": "contacts", "start_time": moment - timedelta(hours=1)}
    return ledger_pb2.RepublishEventsRequest(
        **{**asked, "end_time": moment + timedelta(hours=1), **fields}
    )


def test_what_was_published_is_published_again_batch_by_batch(service, database, monkeypatch):
    monkeypatch.setattr(shared, "AT_ONCE", 2)
    some_companies(service)
    waiting, *others = database["events"].find().sort("time")
    outbox.mark_published([event["_id"] for event in others])
    stub = service.stub(ledger_pb2_grpc.LedgerCountServiceStub)

    first = stub.RepublishEvents(to_republish())
    second = stub.RepublishEvents(to_republish(page_token=first.next_page_token))

    assert (first.republished, second.republished, second.next_page_token) == (1, 1, "")
    assert list(database["events"].find().sort("time")) == [
        waiting,
        *({**event, "pending": True} for event in others),
    ]


def test_only_who_may_change_the_whole_ledger_lets_publish_again(service):
    for principal in (a_principal("TEAM"), a_principal(READ="ALL")):
        stub = service.stub(ledger_pb2_grpc.LedgerCountServiceStub, principal)
        with pytest.raises(Forbidden):
            stub.RepublishEvents(to_republish())


@pytest.mark.parametrize(
    ("fields", "flaw"),
    [
        ({"start_time": now() - timedelta(days=30)}, ("start_time", "OUT_OF_RANGE")),
        ({"end_time": now() - timedelta(hours=2)}, ("end_time", "OUT_OF_RANGE")),
        ({"page_token": "x"}, ("page_token", "INVALID_PAGE_TOKEN")),
    ],
)
def test_a_span_that_cannot_be_published_again_is_refused(service, fields, flaw):
    stub = service.stub(ledger_pb2_grpc.LedgerCountServiceStub)

    with pytest.raises(Invalid) as refused:
        stub.RepublishEvents(to_republish(**fields))
    with pytest.raises(NotFound):
        stub.RepublishEvents(to_republish(service="sales"))

    assert [(one.field, one.reason) for one in refused.value.flaws] == [flaw]


def test_the_ledger_lists_what_was_promised_and_stored(service):
    stub = service.stub(ledger_pb2_grpc.LedgerCountServiceStub)
    made = some_companies(service)

    first = stub.ListLedgerEntries(a_span(page_size=2))
    second = stub.ListLedgerEntries(a_span(page_size=2, page_token=first.next_page_token))

    entries = [*first.entries, *second.entries]
    assert {entry.subject for entry in entries} == set(made)
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


@pytest.fixture
def letter():
    """The name of a stored dead letter with these bytes."""

    def keep(body=b"no json"):
        moment = now()
        found = Letter(
            service="contacts",
            queue="contacts.deals-changed",
            key=new_id(),
            reason="Undecodable",
            first_time=moment,
            last_time=moment,
            attempts=6,
            body=body,
            properties={"content_type": "application/cloudevents+json"},
        )
        dead_letters.store(found)
        return f"deadLetters/{found.id}"

    return keep


def test_a_dead_letter_tells_why_and_has_its_bytes(service, letter):
    name = letter(b"\x00\xff")
    stub = service.stub(dead_letters_pb2_grpc.DeadLetterServiceStub)

    found = stub.GetDeadLetter(dead_letters_pb2.GetDeadLetterRequest(name=name))

    assert (found.name, found.service, found.queue) == (name, "contacts", "contacts.deals-changed")
    assert (found.reason, found.attempts, found.body) == ("Undecodable", 6, b"\x00\xff")
    assert found.content_type == "application/cloudevents+json"
    assert found.state == dead_letters_pb2.DeadLetter.DEAD


def test_dead_letters_are_listed_in_pages(service, letter):
    names = {letter() for _ in range(3)}
    stub = service.stub(dead_letters_pb2_grpc.DeadLetterServiceStub)
    asked = {"service": "contacts", "page_size": 2}

    first = stub.ListServiceDeadLetters(dead_letters_pb2.ListServiceDeadLettersRequest(**asked))
    second = stub.ListServiceDeadLetters(
        dead_letters_pb2.ListServiceDeadLettersRequest(**asked, page_token=first.next_page_token)
    )

    assert {each.name for each in [*first.dead_letters, *second.dead_letters]} == names
    assert (len(first.dead_letters), second.next_page_token) == (2, "")


def test_the_verbs_move_a_dead_letter_along(service, letter):
    name = letter()
    stub = service.stub(dead_letters_pb2_grpc.DeadLetterServiceStub)

    states = [
        stub.ParkDeadLetter(dead_letters_pb2.ParkDeadLetterRequest(name=name)).state,
        stub.ReplayDeadLetter(dead_letters_pb2.ReplayDeadLetterRequest(name=name)).state,
        stub.DiscardDeadLetter(dead_letters_pb2.DiscardDeadLetterRequest(name=name)).state,
    ]
    with pytest.raises(NotAllowed):
        stub.ReplayDeadLetter(dead_letters_pb2.ReplayDeadLetterRequest(name=name))

    kinds = dead_letters_pb2.DeadLetter
    assert states == [kinds.PARKED, kinds.REPLAYED, kinds.DISCARDED]


def test_dead_letters_are_for_those_who_may_see_all(service, letter):
    request = dead_letters_pb2.GetDeadLetterRequest(name=letter())
    stub = service.stub(dead_letters_pb2_grpc.DeadLetterServiceStub, a_principal("TEAM"))

    with pytest.raises(Forbidden):
        stub.GetDeadLetter(request)
