"""What stands around every RPC: who may call, what is refused, and what is told of it."""

import time

import grpc
import pytest
from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc, organizations_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import REGISTRY
from pymongo.errors import AutoReconnect

from crm_chassis.kernel.errors import (
    Forbidden,
    Invalid,
    NotAllowed,
    NotFound,
    Overdue,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from crm_chassis.kernel.ids import new_id
from crm_chassis.rpc.errors import refusal_of
from crm_chassis.rpc.tokens import Signer
from crm_chassis.telemetry.tracing import is_traceparent, trace_id_of
from crm_chassis.testing.calls import a_principal

ENDLESS = "function() { while (true) {} }"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def a_person(**fields):
    return contacts_pb2.Contact(given_name="Ann", **fields)


def create(contacts, **fields):
    return contacts.CreateContact(contacts_pb2.CreateContactRequest(contact=a_person(**fields)))


def count(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def get_of(person):
    return contacts_pb2.GetContactRequest(name=person.name)


def refused(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return refusal_of(error.value)


def test_a_resource_is_created_and_read_again(contacts):
    created = create(contacts)

    found = contacts.GetContact(get_of(created))

    assert found == created
    assert found.name.startswith("contacts/")
    assert found.etag == '"1"'


def test_a_call_without_a_token_is_unauthenticated(served):
    stub = contacts_pb2_grpc.ContactServiceStub(served.channel)

    refusal = refused(lambda: stub.ListContacts(contacts_pb2.ListContactsRequest(), timeout=30))

    assert isinstance(refusal, Unauthenticated)


@pytest.mark.parametrize(
    "instant",
    [Timestamp(seconds=10**15), Timestamp(seconds=-(10**12)), Timestamp(nanos=-1)],
    ids=["too late", "too early", "less than a second"],
)
def test_an_instant_that_is_none_is_refused_and_named(contacts, instant):
    request = contacts_pb2.GetContactRequest(name=f"contacts/{new_id()}", read_time=instant)

    with pytest.raises(Invalid) as refusal:
        contacts.GetContact(request)

    [flaw] = refusal.value.flaws
    assert (flaw.field, flaw.reason) == ("read_time", "INVALID_INSTANT")


def test_a_service_speaks_for_itself_only(served, keys, contacts):
    stub = contacts_pb2_grpc.ContactServiceStub(served.channel)
    of_sales, person = keys.signer("sales"), create(contacts)
    for_another = (("authorization", f"Bearer {of_sales.mint(a_principal())}"),)
    for_itself = (("authorization", f"Bearer {of_sales.mint_own()}"),)

    refusal = refused(lambda: stub.GetContact(get_of(person), timeout=30, metadata=for_another))
    found = stub.GetContact(get_of(person), timeout=30, metadata=for_itself)

    assert isinstance(refusal, Unauthenticated)
    assert found == person


def test_a_token_under_another_service_s_name_does_not_hold(served, keys):
    stub = contacts_pb2_grpc.ContactServiceStub(served.channel)
    forged = Signer("gateway", keys.signer("sales").key).mint(a_principal())
    told = (("authorization", f"Bearer {forged}"),)

    refusal = refused(
        lambda: stub.ListContacts(contacts_pb2.ListContactsRequest(), timeout=30, metadata=told)
    )

    assert isinstance(refusal, Unauthenticated)


def test_a_principal_without_the_right_is_forbidden(served):
    reader = served.stub(contacts_pb2_grpc.ContactServiceStub, a_principal(READ="ALL"))

    with pytest.raises(Forbidden) as refusal:
        create(reader)

    assert refusal.value.reason == "PERMISSION_DENIED"


def test_a_resource_that_one_may_not_see_is_not_there(served, contacts):
    person = create(contacts)
    stranger = served.stub(contacts_pb2_grpc.ContactServiceStub, a_principal(READ="OWN"))

    with pytest.raises(NotFound):
        stranger.GetContact(get_of(person))


def test_bad_input_gets_precise_flaws_and_changes_nothing(contacts, database):
    bad = {"source": "Not a word", "tags": ["x", "x"], "language_code": "xx-nowhere"}

    with pytest.raises(Invalid) as refusal:
        create(contacts, **bad)

    flawed = {flaw.field: flaw.reason for flaw in refusal.value.flaws}
    assert flawed == {
        "contact.source": "STRING_PATTERN",
        "contact.tags": "REPEATED_UNIQUE",
        "contact.language_code": "UNKNOWN_LANGUAGE",
    }
    assert database["contacts"].count_documents({}) == 0


def test_a_change_is_judged_by_what_it_names(organizations):
    wanted = organizations_pb2.Organization(display_name="Acme")
    company = organizations.CreateOrganization(
        organizations_pb2.CreateOrganizationRequest(organization=wanted)
    )
    bakery = organizations_pb2.Organization(name=company.name, industry="bakery")

    changed = organizations.UpdateOrganization(
        organizations_pb2.UpdateOrganizationRequest(
            organization=bakery, update_mask=FieldMask(paths=["industry"])
        )
    )
    with pytest.raises(Invalid) as refusal:
        organizations.UpdateOrganization(
            organizations_pb2.UpdateOrganizationRequest(
                organization=bakery, update_mask=FieldMask(paths=["display_name"])
            )
        )

    assert (changed.display_name, changed.industry) == ("Acme", "bakery")
    assert [flaw.field for flaw in refusal.value.flaws] == ["organization.display_name"]


def test_the_behaviour_knows_the_call(served, contacts, people):
    person = create(contacts)
    caller = a_principal()
    told = served.metadata(caller, x_request_id="abc-1", traceparent=TRACE)
    stub = contacts_pb2_grpc.ContactServiceStub(served.channel)

    asked = time.monotonic()
    stub.GetContact(get_of(person), timeout=30, metadata=told)
    answered = time.monotonic()

    call = people.calls[-1]
    assert call.principal == caller
    assert (call.request_id, call.correlation_id) == ("abc-1", "abc-1")
    assert (call.collection, call.action) == ("contacts", "READ")
    assert call.method == "/crm.contacts.v1.ContactService/GetContact"
    assert trace_id_of(call.traceparent) == trace_id_of(TRACE)
    assert asked + 29 < call.deadline < answered + 30.5


def test_ids_are_made_where_a_call_brings_none_that_can_be_used(served, contacts, people):
    person = create(contacts)
    told = served.metadata(x_request_id="no id", traceparent="00-1-1-1")
    stub = contacts_pb2_grpc.ContactServiceStub(served.channel)

    stub.GetContact(get_of(person), timeout=30, metadata=told)

    call = people.calls[-1]
    assert len(call.request_id) == 36
    assert is_traceparent(call.traceparent)


def test_a_call_without_a_deadline_gets_one_and_is_counted(served, contacts, people):
    person = create(contacts)
    before = count("crm_grpc_deadline_missing_total", service="contacts")
    stub = contacts_pb2_grpc.ContactServiceStub(served.channel)

    stub.GetContact(get_of(person), metadata=served.metadata())

    assert people.calls[-1].deadline - time.monotonic() < 10
    assert count("crm_grpc_deadline_missing_total", service="contacts") == before + 1


def test_the_database_is_not_waited_for_longer_than_the_caller_waits(contacts, people, database):
    person = create(contacts)
    people.behaviors["GetContact"] = lambda _: database["contacts"].find_one({"$where": ENDLESS})

    with pytest.raises(Overdue):
        contacts.GetContact(get_of(person), timeout=0.5)


def test_an_error_that_nobody_expected_is_hidden_and_told_by_its_trace(served, contacts, people):
    def break_down(_request):
        raise RuntimeError("Ann Miller's secret")

    person = create(contacts)
    people.behaviors["GetContact"] = break_down
    stub = contacts_pb2_grpc.ContactServiceStub(served.channel)

    with pytest.raises(grpc.RpcError) as error:
        stub.GetContact(get_of(person), timeout=30, metadata=served.metadata(traceparent=TRACE))

    assert error.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in error.value.details()
    told = dict(error.value.trailing_metadata())["grpc-status-details-bin"]
    assert b"secret" not in told
    assert trace_id_of(TRACE).encode() in told


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (NotAllowed("It is closed.", reason="CLOSED"), NotAllowed),
        (TooMany("Slowly.", retry_after=2.5), TooMany),
        (AutoReconnect("connection closed"), Unavailable),
    ],
)
def test_a_refusal_arrives_as_it_was_raised(contacts, people, raised, kind):
    def refuse(_request):
        raise raised

    person = create(contacts)
    people.behaviors["GetContact"] = refuse

    with pytest.raises(kind) as refusal:
        contacts.GetContact(get_of(person))

    assert refusal.value.reason == getattr(raised, "reason", "UNAVAILABLE")
    assert refusal.value.retry_after == getattr(raised, "retry_after", 1)


def test_calls_are_counted_by_how_they_ended(contacts):
    place = {"service": "contacts", "method": "GetContact"}
    before = count("crm_grpc_server_handled_total", **place, code="NOT_FOUND")
    missing = contacts_pb2.Contact(name=f"contacts/{new_id()}")

    with pytest.raises(NotFound):
        contacts.GetContact(get_of(missing))

    assert count("crm_grpc_server_handled_total", **place, code="NOT_FOUND") == before + 1
    assert count("crm_grpc_server_duration_seconds_count", **place) > 0


def test_the_same_guard_stands_around_calls_in_the_process(served):
    request = contacts_pb2.CreateContactRequest(contact=a_person())
    path = "/crm.contacts.v1.ContactService/CreateContact"
    key = new_id()
    told = served.metadata(a_principal(), idempotency_key=key)

    first, nothing = served.local.call(path, request.SerializeToString(), told, 30.0)
    again, trailing = served.local.call(path, request.SerializeToString(), told, 30.0)
    refusal = refused(lambda: served.local.call(path, request.SerializeToString(), (), 30.0))

    assert contacts_pb2.Contact.FromString(first).given_name == "Ann"
    assert (again, nothing, dict(trailing)) == (first, (), {"idempotent-replayed": "true"})
    assert isinstance(refusal, Unauthenticated)
