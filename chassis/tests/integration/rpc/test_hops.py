"""Calls to other services: deadlines on every hop, retries, breakers, and what is passed on."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import pytest
from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc
from prometheus_client import REGISTRY

from crm_chassis.kernel.errors import Flaw, Invalid, NotFound, Overdue, Unavailable
from crm_chassis.kernel.ids import new_id
from crm_chassis.rpc.breaker import State
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.interceptors import STREAM_CAP, Guard
from crm_chassis.rpc.references import References
from crm_chassis.rpc.server import Options, RpcServer
from crm_chassis.rpc.table import MethodTable
from crm_chassis.telemetry.context import call_scope
from crm_chassis.telemetry.tracing import trace_id_of
from crm_chassis.testing.calls import a_call, a_principal
from crm_chassis.testing.grpc import serving
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.waiting import wait_until

STUB = contacts_pb2_grpc.ContactServiceStub
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def a_get():
    return contacts_pb2.GetContactRequest(name=f"contacts/{new_id()}")


def an_answer(_request=None):
    return contacts_pb2.Contact(given_name="Ann")


class Chain:
    """Services that each ask the next one, after they were `busy`; the last one answers."""

    busy = 0.0

    def __init__(self, keys, kinds, make_people, length):
        self.links = []
        self._stack = []
        address = None
        for number in reversed(range(length)):
            people = make_people()
            name = f"link-{number}"
            peers = Peers(keys.signer("sales"), {"next": address} if address else {})
            people.behaviors["GetContact"] = self._asking(peers) if address else an_answer
            link = serving(keys, name, [(kinds.PEOPLE, people)])
            served = link.__enter__()
            self._stack.append((link, peers))
            self.links.insert(0, people)
            address = served.address
            self.first = served

    def _asking(self, peers):
        def ask(request):
            time.sleep(self.busy)
            return peers.stub("next", STUB).GetContact(request)

        return ask

    def close(self):
        for link, peers in reversed(self._stack):
            link.__exit__(None, None, None)
            peers.close()


@pytest.fixture
def chain(keys, schema, kinds, people):
    made = Chain(keys, kinds, type(people), 4)
    yield made
    made.close()


def test_every_hop_passes_on_what_is_left_of_the_deadline(chain):
    told = chain.first.metadata(a_principal(), x_request_id="r-1", traceparent=TRACE)
    chain.busy = 0.2

    asked = time.monotonic()
    STUB(chain.first.channel).GetContact(a_get(), timeout=2, metadata=told)

    calls = [people.calls[-1] for people in chain.links]
    # Had anybody passed on the 2 s, or none at all, the last deadline were 0.6 s later or more. How
    # long a message takes is no part of what it says is left, so a little later it may be.
    assert all(asked + 1 < call.deadline < asked + 2.3 for call in calls)
    assert {call.request_id for call in calls} == {"r-1"}
    assert {trace_id_of(call.traceparent) for call in calls} == {trace_id_of(TRACE)}
    assert len({call.principal.name for call in calls}) == 1


def test_work_ends_soon_after_the_caller_has_given_up(chain):
    def wait(_request):
        time.sleep(1.5)
        return an_answer()

    chain.links[-1].behaviors["GetContact"] = wait
    started = time.monotonic()

    with pytest.raises(grpc.RpcError) as error:
        STUB(chain.first.channel).GetContact(a_get(), timeout=0.3, metadata=chain.first.metadata())

    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started < 1


def test_nobody_is_asked_when_no_time_is_left(chain, keys):
    peers = Peers(keys.signer("sales"), {"contacts": chain.first.address})
    late = time.monotonic() + 0.01

    with call_scope(replace(a_call(), deadline=late)), pytest.raises(Overdue):
        peers.stub("contacts", STUB).GetContact(a_get())

    assert chain.links[0].calls == []
    peers.close()


@pytest.fixture
def contacts_service(keys, schema, kinds, people):
    people.behaviors["GetContact"] = an_answer
    with serving(keys, "contacts", [(kinds.PEOPLE, people)]) as served:
        yield served


@pytest.fixture
def peers(keys, contacts_service):
    made = Peers(keys.signer("sales"), {"contacts": contacts_service.address})
    yield made
    made.close()


def test_a_service_without_a_caller_speaks_for_itself(peers, people):
    peers.stub("contacts", STUB).GetContact(a_get())

    assert people.calls[-1].principal.name == "services/sales"


def test_several_peers_are_asked_at_once(peers, people):
    def slowly(request):
        time.sleep(0.3)
        return contacts_pb2.Contact(name=request.name)

    people.behaviors["GetContact"] = slowly
    asked = [a_get() for _ in range(8)]
    started = time.monotonic()

    answers = [peers.stub("contacts", STUB).GetContact.future(request) for request in asked]
    names = [answer.result().name for answer in answers]

    assert names == [request.name for request in asked]
    assert time.monotonic() - started < 1.6


def test_the_refusal_of_a_peer_is_raised_as_it_was(peers, people):
    def refuse(request):
        raise NotFound("There is none.", reason="NOT_FOUND")

    people.behaviors["GetContact"] = refuse
    stub = peers.stub("contacts", STUB)

    with pytest.raises(NotFound):
        stub.GetContact(a_get())
    with pytest.raises(NotFound):
        stub.GetContact.future(a_get()).result()


def test_a_refusal_tells_of_all_that_is_wrong_however_much_that_is(peers, people):
    def refuse(request):
        flaws = [Flaw(f"a[{number}]", "WRONG", "is wrong") for number in range(2000)]
        raise Invalid("Much is wrong.", *flaws)

    people.behaviors["GetContact"] = refuse

    with pytest.raises(Invalid) as refused:
        peers.stub("contacts", STUB).GetContact(a_get())

    assert [flaw.field for flaw in refused.value.flaws] == [f"a[{n}]" for n in range(1000)]


def test_a_peer_that_is_not_known_is_unavailable(peers):
    with pytest.raises(Unavailable):
        peers.stub("nobody", STUB)


class Flaky:
    """A server that refuses the first calls of each method as if it were starting."""

    def __init__(self, refusals):
        self.refusals = refusals
        self.attempts = {}
        self.server = grpc.server(ThreadPoolExecutor(4))
        self.server.add_generic_rpc_handlers((self,))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def service(self, details):
        method = details.method.rpartition("/")[2]

        def answer(_request, context):
            self.attempts[method] = self.attempts.get(method, 0) + 1
            if self.attempts[method] <= self.refusals:
                context.abort(grpc.StatusCode.UNAVAILABLE, "starting")
            return an_answer().SerializeToString()

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture
def flaky(request):
    made = Flaky(request.param)
    yield made
    made.server.stop(0)


@pytest.mark.parametrize("flaky", [2], indirect=True)
def test_only_what_may_be_repeated_is_tried_again(keys, flaky):
    peers = Peers(keys.signer("sales"), {"contacts": f"127.0.0.1:{flaky.port}"})
    stub = peers.stub("contacts", STUB)

    stub.GetContact(a_get())
    with pytest.raises(Unavailable):
        stub.UpdateContact(contacts_pb2.UpdateContactRequest())
    with pytest.raises(Unavailable):
        stub.CreateContact(contacts_pb2.CreateContactRequest())

    assert flaky.attempts == {"GetContact": 3, "UpdateContact": 1, "CreateContact": 1}
    peers.close()


@pytest.mark.parametrize("flaky", [10_000], indirect=True)
def test_retries_do_not_become_a_storm(keys, flaky, scale):
    peers = Peers(keys.signer("sales"), {"contacts": f"127.0.0.1:{flaky.port}"})
    call = peers.channel("contacts").unary_unary("/crm.contacts.v1.ContactService/GetContact")
    calls = int(100 * scale)

    for _ in range(calls):
        with pytest.raises(grpc.RpcError):
            call(b"", timeout=5)

    assert flaky.attempts["GetContact"] <= 1.2 * calls
    peers.close()


def test_a_silent_service_is_left_alone_and_taken_back_when_it_answers(keys, schema, kinds, people):
    people.behaviors["GetContact"] = an_answer
    port = free_ports(1)[0]
    peers = Peers(keys.signer("sales"), {"contacts": f"127.0.0.1:{port}"})
    stub = peers.stub("contacts", STUB)
    breaker = peers.breaker("contacts")

    while breaker.state is State.CLOSED:
        with pytest.raises(Unavailable):
            stub.GetContact(a_get(), timeout=2)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        stub.GetContact(a_get(), timeout=2)
    waited = time.monotonic() - started
    opened = REGISTRY.get_sample_value("crm_breaker_state", {"target": "contacts"})
    server = started_on(port, keys, kinds, people)
    wait_until(lambda: answers(stub), 10, 0.1)

    assert waited < 0.5
    assert opened == State.OPEN
    assert breaker.state is State.CLOSED
    assert REGISTRY.get_sample_value("crm_breaker_state", {"target": "contacts"}) == 0
    peers.close()
    server.stop(0)


def answers(stub):
    try:
        return stub.GetContact(a_get(), timeout=1)
    except Unavailable:
        return None


def started_on(port, keys, kinds, people, options=None):
    guard = Guard("contacts", keys.verifier(), References([]))
    table = MethodTable([(kinds.PEOPLE, people)], guard)
    server = RpcServer(f"127.0.0.1:{port}", table, options)
    server.start()
    return server


def test_connections_end_now_and_then_and_nobody_notices(keys, schema, kinds, people):
    people.behaviors["GetContact"] = an_answer
    server = started_on(0, keys, kinds, people, Options(connection_age=0.2))
    peers = Peers(keys.signer("sales"), {"contacts": f"127.0.0.1:{server.port}"})
    stub = peers.stub("contacts", STUB)
    end = time.monotonic() + 1.5

    while time.monotonic() < end:
        stub.GetContact(a_get())

    assert len(people.calls) > 10
    peers.close()
    server.stop(0)


def test_a_stream_has_all_its_time_whatever_the_age_of_its_connection():
    told = dict(Options().channel_arguments())

    assert told["grpc.max_connection_age_grace_ms"] >= STREAM_CAP * 1000
