"""The gateway's process `api`, put together: identities, what every service answers, and HTTP."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial

from crm.gateway.v1 import api_keys_pb2_grpc, roles_pb2_grpc, teams_pb2_grpc, users_pb2_grpc
from flask import Flask

from crm_chassis.memory import spare_the_collector
from crm_chassis.mongo import connection
from crm_chassis.mongo.outbox import watch_oldest
from crm_chassis.resources.event_log import expect_events
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.server import RpcServer, build_peers, build_table, database_checks
from crm_chassis.rpc.shared import shared_services
from crm_chassis.rpc.table import LocalCaller, MethodTable, Service
from crm_chassis.rpc.tokens import Signer
from crm_chassis.telemetry import probes
from crm_chassis.telemetry.logging import start_logging
from crm_chassis.telemetry.tracing import start_tracing, stop_tracing
from crm_gateway.access.authentication import Authenticator
from crm_gateway.access.identities import Identities
from crm_gateway.access.last_uses import LastUses
from crm_gateway.api_keys.documents import ApiKey
from crm_gateway.api_keys.servicer import ApiKeyServicer
from crm_gateway.app import Parts, create_app
from crm_gateway.http.unsubscribe import unsubscribe_routes
from crm_gateway.ops.routes import ops_routes
from crm_gateway.roles.documents import Role
from crm_gateway.roles.servicer import RoleServicer
from crm_gateway.settings import GatewaySettings
from crm_gateway.teams.documents import Team
from crm_gateway.teams.servicer import TeamServicer
from crm_gateway.transcoding.routes import Bindings
from crm_gateway.transcoding.schema import load_schema
from crm_gateway.transcoding.upstream import GATEWAY, Upstreams
from crm_gateway.users.documents import User
from crm_gateway.users.servicer import UserServicer
from crm_gateway.views.routes import view_routes

DOCUMENTS = (User, Team, Role, ApiKey)
MIGRATIONS = "crm_gateway.migrations"
# How long RPCs under way may take at the end, in seconds.
GRACE = 5.0
# Without these nothing can be answered.
INDISPENSABLE = ("mongodb", "schema", "contacts")


@contextmanager
def running(settings: GatewaySettings) -> Iterator[Flask]:
    """The application, with all that it needs open in this process."""
    start_logging(settings.service, "api", settings.log_level)
    start_tracing(settings.service, "api")
    connection.connect(settings.mongodb_uri, settings.database_name)
    expect_events(settings.service)
    watch_oldest(settings.service)
    with ExitStack() as opened:
        opened.callback(stop_tracing)
        opened.callback(connection.disconnect)
        peers = opened.enter_context(closing(build_peers(settings)))
        uses = opened.enter_context(closing(LastUses()))
        shared = build_table(settings, shared_services(settings.service, DOCUMENTS), (), peers)
        opened.enter_context(_answering(settings.grpc_address, shared))
        authenticate = Authenticator(Signer.of(settings), Identities(), uses)
        parts = parts_of(settings, peers, authenticate)
        own = database_checks(MIGRATIONS)
        opened.enter_context(
            closing(probes.serve(settings.metrics_address, own, watched=parts.readiness))
        )
        app = create_app(parts)
        spare_the_collector()
        yield app


def parts_of(settings: GatewaySettings, peers: Peers, authenticate: Authenticator) -> Parts:
    """What the application is put together from."""
    schema = load_schema()
    bindings = Bindings(schema)
    services = [*identity_services(settings), *shared_services(settings.service, DOCUMENTS)]
    local = LocalCaller(build_table(settings, services, DOCUMENTS, peers, is_timed=False))
    upstreams = Upstreams(schema, peers, local)
    others = [name for name in peers.names if name != GATEWAY]
    asked = {name: partial(upstreams.check, name) for name in others}
    return Parts(
        bindings=bindings,
        upstreams=upstreams,
        authenticate=authenticate,
        readiness={**database_checks(MIGRATIONS), **asked},
        needed=INDISPENSABLE,
        routes=[
            *view_routes(bindings, peers, authenticate),
            *unsubscribe_routes(peers),
            *ops_routes(settings, authenticate.principal),
        ],
    )


def identity_services(settings: GatewaySettings) -> list[Service]:
    """The RPCs of `crm.gateway.v1`: called in the process, never over the network."""
    return [
        (users_pb2_grpc.add_UserServiceServicer_to_server, UserServicer(settings.time_zone)),
        (teams_pb2_grpc.add_TeamServiceServicer_to_server, TeamServicer()),
        (roles_pb2_grpc.add_RoleServiceServicer_to_server, RoleServicer()),
        (api_keys_pb2_grpc.add_ApiKeyServiceServicer_to_server, ApiKeyServicer()),
    ]


@contextmanager
def _answering(address: str, table: MethodTable) -> Iterator[None]:
    """Answer the others while the block runs."""
    rpc = RpcServer(address, table)
    rpc.start()
    rpc.set_serving(serving=True)
    try:
        yield
    finally:
        rpc.stop(GRACE)
