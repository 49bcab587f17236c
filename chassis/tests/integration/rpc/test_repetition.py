"""Idempotency keys: the same answer and one effect, whatever the client does."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from crm.api.v1 import operations_pb2
from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc
from prometheus_client import REGISTRY

from crm_chassis.kernel.errors import Invalid, KeyInUse, KeyReused, Refusal, Unavailable
from crm_chassis.resources.transaction import in_transaction
from crm_chassis.rpc.errors import refusal_of
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.waiting import wait_until


@pytest.fixture
def stub(served):
    return contacts_pb2_grpc.ContactServiceStub(served.channel)


@pytest.fixture
def caller(served):
    """What one caller tells with the key `once`."""
    return served.metadata(a_principal(), idempotency_key="once")


def a_request(given_name="Ann"):
    return contacts_pb2.CreateContactRequest(contact=contacts_pb2.Contact(given_name=given_name))


def ask(stub, request, told):
    """The answer, and whether it had been given before."""
    answer, call = stub.CreateContact.with_call(request, timeout=60, metadata=told)
    return answer, dict(call.trailing_metadata()).get("idempotent-replayed") == "true"


def refusal(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return refusal_of(error.value)


def test_a_repeated_request_gets_the_same_answer_and_has_one_effect(stub, caller, database):
    labels = {"service": "contacts"}
    before = REGISTRY.get_sample_value("crm_idempotency_replays_total", labels)

    first = ask(stub, a_request(), caller)
    second = ask(stub, a_request(), caller)

    assert first == (first[0], False)
    assert second == (first[0], True)
    assert database["contacts"].count_documents({}) == 1
    assert database["events"].count_documents({}) == 1
    assert REGISTRY.get_sample_value("crm_idempotency_replays_total", labels) == before + 1


def test_a_key_is_not_good_for_another_request(stub, caller, database):
    ask(stub, a_request(), caller)

    refused = refusal(lambda: ask(stub, a_request("Bob"), caller))

    assert isinstance(refused, KeyReused)
    assert database["contacts"].count_documents({}) == 1


def test_keys_of_two_callers_have_nothing_to_do_with_each_other(served, stub, caller, database):
    other = served.metadata(a_principal(), idempotency_key="once")

    answers = [ask(stub, a_request(), told) for told in (caller, other)]

    assert [replayed for _, replayed in answers] == [False, False]
    assert database["contacts"].count_documents({}) == 2


def test_a_refused_request_does_not_use_up_its_key(stub, caller):
    bad = contacts_pb2.CreateContactRequest(
        contact=contacts_pb2.Contact(given_name="Ann", source="Not a word")
    )

    refused = refusal(lambda: ask(stub, bad, caller))
    answer = ask(stub, a_request(), caller)

    assert isinstance(refused, Invalid)
    assert answer[1] is False


def test_a_key_that_is_too_long_is_refused(served, stub):
    told = served.metadata(idempotency_key="x" * 256)

    refused = refusal(lambda: ask(stub, a_request(), told))

    assert isinstance(refused, Invalid)
    assert refused.flaws[0].field == "Idempotency-Key"


def test_many_at_once_have_one_effect(stub, caller, database, scale):
    def attempt(_number):
        try:
            return ask(stub, a_request(), caller)[0]
        except grpc.RpcError as error:
            return refusal_of(error)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(attempt, range(int(50 * scale))))

    given = [answer for answer in answers if not isinstance(answer, Refusal)]
    assert database["contacts"].count_documents({}) == 1
    assert {answer.name for answer in given} == {given[0].name}
    assert all(isinstance(answer, KeyInUse) for answer in answers if answer not in given)


def an_upload(*chunks):
    config = contacts_pb2.ImportConfig(columns={"a": "givenName"})
    yield contacts_pb2.ImportContactsRequest(config=config)
    for chunk in chunks:
        yield contacts_pb2.ImportContactsRequest(chunk=chunk)


@pytest.fixture
def uploads(people):
    """What the service took in."""
    taken = []

    def take(tx):
        tx.session  # noqa: B018 - nothing is stored but the record of the key
        return operations_pb2.Operation(name=f"operations/contacts.{len(taken)}")

    def take_in(pieces):
        taken.append(b"".join(piece.chunk for piece in pieces))
        return in_transaction(take)

    people.behaviors["ImportContacts"] = take_in
    return taken


def upload(stub, told, *chunks):
    answer, call = stub.ImportContacts.with_call(an_upload(*chunks), timeout=60, metadata=told)
    return answer.name, dict(call.trailing_metadata()).get("idempotent-replayed") == "true"


def test_a_repeated_upload_is_taken_in_once(stub, caller, uploads):
    first = upload(stub, caller, b"one", b"two")
    second = upload(stub, caller, b"one", b"two")
    refused = refusal(lambda: upload(stub, caller, b"one", b"three"))

    assert first == ("operations/contacts.1", False)
    assert second == ("operations/contacts.1", True)
    assert isinstance(refused, KeyReused)
    assert uploads == [b"onetwo"]


def test_each_piece_of_an_upload_is_validated(stub, caller, uploads):
    refused = refusal(lambda: upload(stub, caller, b"one", b"x" * 65_537))

    assert isinstance(refused, Invalid)
    assert refused.flaws[0].field == "chunk"
    assert uploads == []


def test_streams_leave_room_for_everything_else(served, stub, people):
    def wait(pieces):
        people.go_on.wait(60)
        return operations_pb2.Operation()

    people.behaviors["ImportContacts"] = wait
    told = served.metadata()
    uploads = [stub.ImportContacts.future(an_upload(), timeout=60, metadata=told) for _ in range(6)]

    wait_until(lambda: sum(upload.done() for upload in uploads) == 2)
    answer = ask(stub, a_request(), served.metadata())
    people.go_on.set()
    errors = [refusal_of(upload) for upload in uploads if upload.exception()]

    assert answer[0].given_name == "Ann"
    assert [type(error) for error in errors] == [Unavailable, Unavailable]
