"""Calls go to every server of a name, to new ones soon, and to those that left it no more."""

# ruff: noqa: N802 - gRPC names its methods in CamelCase

import time
from collections import Counter
from itertools import cycle, pairwise
from threading import Event, Thread

import pytest
from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc

from crm_chassis.kernel.errors import Refusal
from crm_chassis.kernel.ids import new_id
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.interceptors import Guard
from crm_chassis.rpc.references import References
from crm_chassis.rpc.server import Options, RpcServer
from crm_chassis.rpc.table import MethodTable
from crm_chassis.testing.names import name_server
from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.waiting import wait_until

AGE = 1.0
HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6")


class Counting(contacts_pb2_grpc.ContactServiceServicer):
    """Answers anything, and counts."""

    def __init__(self, host, calls):
        self.host, self.calls = host, calls

    def GetContact(self, request, context):
        self.calls[self.host] += 1
        return contacts_pb2.Contact(given_name=self.host)

    def CreateContact(self, request, context):
        return self.GetContact(request, context)


class Pods:
    """Servers of one service: each at an address of its own, all on the same port."""

    def __init__(self, keys, kinds):
        self.keys, self.kinds = keys, kinds
        (self.port,) = free_ports(1)
        self.calls = Counter()
        self.servers = {}

    def start(self, host):
        guard = Guard("contacts", self.keys.verifier(), References([]))
        table = MethodTable([(self.kinds.PEOPLE, Counting(host, self.calls))], guard)
        server = RpcServer(f"{host}:{self.port}", table, Options(connection_age=AGE))
        server.start()
        self.servers[host] = server

    def stop(self, host):
        self.servers.pop(host).stop(0)


class Calling:
    """Reads and writes, one after the other in a thread of its own; keeps what failed.

    gRPC tries a read again by itself, and never a write.
    """

    def __init__(self, stub):
        self.stub, self.failed, self.end = stub, [], Event()
        self.thread = Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()

    def _run(self):
        name = f"contacts/{new_id()}"
        calls = (
            lambda: self.stub.GetContact(contacts_pb2.GetContactRequest(name=name)),
            lambda: self.stub.CreateContact(contacts_pb2.CreateContactRequest(contact={})),
        )
        for call in cycle(calls):
            if self.end.is_set():
                return
            try:
                call()
            except Refusal as refusal:
                self.failed.append(refusal)


@pytest.fixture
def pods(keys, schema, kinds):
    made = Pods(keys, kinds)
    yield made
    for host in list(made.servers):
        made.stop(host)


@pytest.fixture
def names():
    with name_server() as serving:
        yield serving


@pytest.fixture
def calling(keys, pods, names):
    """Calls go on while the test runs, beginning with a first server."""
    pods.start(HOSTS[0])
    names.addresses = [HOSTS[0]]
    peers = Peers(keys.signer("gateway"), {"contacts": names.target(pods.port)})
    with Calling(peers.stub("contacts", contacts_pb2_grpc.ContactServiceStub)) as calls:
        wait_until(lambda: pods.calls[HOSTS[0]])
        yield calls
    peers.close()


def test_a_server_that_comes_is_called_before_connections_are_twice_their_age(pods, names, calling):
    waits = []
    for number, host in enumerate(HOSTS[1:], start=2):
        pods.start(host)
        names.addresses = list(HOSTS[:number])
        begun = time.monotonic()
        wait_until(lambda new=host: pods.calls[new])
        waits.append(time.monotonic() - begun)

    # A busy machine may be late now and then, but not each time.
    assert min(waits) < 2 * AGE
    assert calling.failed == []


def has_moved(pods, old, new):
    """Whether some calls one after the other go to the new one only."""
    before, seen = pods.calls[old], pods.calls[new]
    wait_until(lambda: pods.calls[old] + pods.calls[new] > before + seen + 10)
    return pods.calls[old] == before


def test_nobody_notices_when_each_server_is_replaced_by_the_next(pods, names, calling):
    for old, new in pairwise(HOSTS[:3]):
        pods.start(new)
        names.addresses = [new]
        wait_until(lambda old=old, new=new: has_moved(pods, old, new), what="a move")
        before = pods.calls[old]
        pods.stop(old)

        wait_until(lambda new=new, seen=pods.calls[new]: pods.calls[new] > seen + 10)
        assert pods.calls[old] == before

    assert calling.failed == []


def test_the_successor_of_a_server_that_died_is_found_within_seconds(pods, names, calling):
    """Twice in a row: gRPC by itself asks for names once in half a minute."""
    for old, new in pairwise(HOSTS[:3]):
        pods.start(new)
        names.addresses = [new]
        pods.stop(old)

        wait_until(lambda new=new: pods.calls[new], timeout=15)
