"""The views over two real gRPC servers whose answers a test decides."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
from crm.api.v1 import customers_pb2, customers_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from crm_chassis.kernel.errors import Refusal
from crm_chassis.rpc.channels import Peers
from crm_chassis.telemetry.context import Principal, current_call
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import Served, make_keys, serving
from crm_gateway.app import Parts, create_app
from crm_gateway.transcoding.routes import Bindings
from crm_gateway.transcoding.schema import load_schema
from crm_gateway.transcoding.upstream import Upstreams
from crm_gateway.views.routes import view_routes

SERVICES = ("contacts", "sales", "analytics")
# How long somebody is waited for who is not frozen, however busy the machine is.
PATIENT = 30.0
# Longer than anybody is waited for.
FROZEN = 120.0


@dataclass
class Owner(customers_pb2_grpc.CustomerServiceServicer):
    """A service as a test wants it: what it knows, what it refuses, whether it is frozen."""

    sections: dict[str, str] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    found: list[str] = field(default_factory=list)
    refusal: Refusal | None = None
    is_frozen: bool = False
    thaw: Event = field(default_factory=Event)
    as_of: Timestamp | None = field(default_factory=lambda: Timestamp(seconds=1_780_000_000))
    asked: list[Any] = field(default_factory=list)
    callers: list[Principal] = field(default_factory=list)

    def GetCustomerSections(self, request, context):  # noqa: N802 - gRPC names it
        self.note(request)
        return customers_pb2.GetCustomerSectionsResponse(
            sections={
                name: customers_pb2.Section(omitted="DENIED")
                if name in self.denied
                else customers_pb2.Section(data=data.encode(), as_of=self.as_of)
                for name, data in self.sections.items()
                if name in request.sections
            }
        )

    def SearchService(self, request, context):  # noqa: N802 - gRPC names it
        """The results after the last of the page before, which is the token."""
        self.note(request)
        after = [name for name in sorted(self.found) if name > request.page_token]
        page = after[: request.page_size or 50]
        return customers_pb2.SearchServiceResponse(
            results=[
                customers_pb2.SearchResult(
                    name=f"things/{name}", type="crm/Thing", display_name=name
                )
                for name in page
            ],
            next_page_token=page[-1] if len(after) > len(page) else "",
        )

    def note(self, request):
        self.asked.append(request)
        self.callers.append(current_call().principal)
        if self.is_frozen:
            self.thaw.wait(FROZEN)
        if self.refusal is not None:
            raise self.refusal


@dataclass
class Suite:
    """The gateway's client, and the services behind it."""

    client: Any
    contacts: Owner
    sales: Owner
    analytics: Owner
    served: dict[str, Served]
    peers: Peers
    app: Any
    caller: Principal = field(default_factory=a_principal)

    def get(self, path, **query):
        return self.client.get(path, query_string=query)


@pytest.fixture(scope="session")
def bindings():
    return Bindings(load_schema())


@pytest.fixture
def suite(tmp_path, bindings, monkeypatch):
    for name in ("customer_view.PATIENCE", "customer_view.REBUILDING", "search.PATIENCE"):
        monkeypatch.setattr(f"crm_gateway.views.{name}", PATIENT)
    keys = make_keys(tmp_path, ("gateway", *SERVICES))
    owners = {service: Owner() for service in SERVICES}
    add = customers_pb2_grpc.add_CustomerServiceServicer_to_server
    with ExitStack() as stack:
        served = {
            service: stack.enter_context(serving(keys, service, [(add, owner)]))
            for service, owner in owners.items()
        }
        addresses = {service: one.address for service, one in served.items()}
        addresses["gateway"] = "127.0.0.1:1"
        peers = Peers(keys.signer(), addresses)
        stack.callback(peers.close)

        def authenticate(_request):
            return keys.signer().mint(made.caller)

        routes = view_routes(bindings, peers, authenticate)
        upstreams = Upstreams(bindings.schema, peers)
        app = create_app(Parts(bindings, upstreams, authenticate, routes=routes))
        made = Suite(app.test_client(), **owners, served=served, peers=peers, app=app)
        yield made
        for owner in owners.values():
            owner.thaw.set()
