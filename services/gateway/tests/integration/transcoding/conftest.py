"""The application over its own RPCs with a real database, and over a made-up service."""

import hashlib
import time
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
from crm.api.v1 import operations_pb2, operations_pb2_grpc
from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc
from google.api import httpbody_pb2

from crm_chassis.kernel.errors import Refusal
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.interceptors import Guard
from crm_chassis.rpc.references import References
from crm_chassis.rpc.shared import shared_services
from crm_chassis.rpc.table import LocalCaller, MethodTable
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import make_keys, serving
from crm_chassis.testing.waiting import PATIENCE
from crm_gateway.api import DOCUMENTS, identity_services
from crm_gateway.app import Parts, create_app
from crm_gateway.settings import GatewaySettings
from crm_gateway.transcoding import upstream
from crm_gateway.transcoding.routes import Bindings
from crm_gateway.transcoding.schema import load_schema
from crm_gateway.transcoding.upstream import Upstreams

OPERATION = "operations/contacts.0190b0c4-0000-7000-8000-000000000001"


@dataclass
class Contacts(contacts_pb2_grpc.ContactServiceServicer):
    """A contacts service as a test wants it: it answers what it was asked, late or not at all."""

    refusal: Refusal | None = None
    delay: float = 0.0
    is_held: bool = False
    go_on: Event = field(default_factory=Event)
    asked: list[Any] = field(default_factory=list)
    told: list[dict[str, str]] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    uploaded: bytes = b""
    sizes: list[int] = field(default_factory=list)

    def GetContact(self, request, context):  # noqa: N802 - gRPC names it
        self._note(request, context)
        return contacts_pb2.Contact(name=request.name, etag='"7"', given_name="Ann")

    def CreateContact(self, request, context):  # noqa: N802 - gRPC names it
        self._note(request, context)
        return request.contact

    def UpdateContact(self, request, context):  # noqa: N802 - gRPC names it
        self._note(request, context)
        return request.contact

    def ImportContacts(self, requests, context):  # noqa: N802 - gRPC names it
        digest = hashlib.sha256()
        for request in requests:
            if self.refusal is not None:
                raise self.refusal
            if request.WhichOneof("piece") == "config":
                self._note(request, context)
            else:
                digest.update(request.chunk)
                self.sizes.append(len(request.chunk))
        self.uploaded = digest.digest()
        return operations_pb2.Operation(name=OPERATION)

    def _note(self, request, context):
        self.asked.append(request)
        self.told.append(dict(context.invocation_metadata()))
        self.deadlines.append(context.time_remaining())
        time.sleep(self.delay)
        if self.is_held:
            self.go_on.wait(PATIENCE)
        if self.refusal is not None:
            raise self.refusal


@dataclass
class Operations(operations_pb2_grpc.OperationServiceServicer):
    """Operations whose bad rows a test decides."""

    pieces: list[bytes] = field(default_factory=list)
    breaks: bool = False

    def DownloadBadRows(self, request, context):  # noqa: N802 - gRPC names it
        for piece in self.pieces:
            yield httpbody_pb2.HttpBody(content_type="text/csv", data=piece)
        if self.breaks:
            raise RuntimeError("the disk is gone")


@dataclass
class Edge:
    """The application's client, and what is behind it."""

    client: Any
    contacts: Contacts
    operations: Operations
    peers: Peers
    stop_contacts: Any


@pytest.fixture(scope="session")
def bindings():
    return Bindings(load_schema())


@pytest.fixture
def keys(tmp_path):
    return make_keys(tmp_path, ("gateway", "contacts"))


@pytest.fixture
def edge(keys, bindings, monkeypatch):
    """The application in front of a contacts service."""
    # A service that is there answers, however busy the machine is.
    monkeypatch.setattr(upstream, "CHECK_SECONDS", PATIENCE)
    contacts, operations = Contacts(), Operations()
    services = [
        (contacts_pb2_grpc.add_ContactServiceServicer_to_server, contacts),
        (operations_pb2_grpc.add_OperationServiceServicer_to_server, operations),
    ]
    with serving(keys, "contacts", services) as served:
        peers = Peers(keys.signer(), {"contacts": served.address, "analytics": "127.0.0.1:1"})
        app = application(keys, bindings, peers)
        yield Edge(app.test_client(), contacts, operations, peers, lambda: served.server.stop(0))
        peers.close()


@pytest.fixture
def own(keys, bindings, schema):
    """A client of the application over its own RPCs and a real database."""
    guard = Guard("gateway", keys.verifier(), References(DOCUMENTS, None))
    settings = GatewaySettings()
    own = shared_services(settings.service, DOCUMENTS)
    table = MethodTable([*identity_services(settings), *own], guard)
    peers = Peers(keys.signer(), {})
    yield application(keys, bindings, peers, LocalCaller(table)).test_client()
    peers.close()


def application(keys, bindings, peers, local=None):
    token = keys.signer().mint(a_principal())
    upstreams = Upstreams(bindings.schema, peers, local)
    checks = {"contacts": lambda: upstreams.check("contacts"), "sun": no_sun}
    return create_app(Parts(bindings, upstreams, lambda _: token, checks, ["contacts"]))


def no_sun():
    raise RuntimeError("it is night")
