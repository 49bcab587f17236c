"""The process that answers: REST for everybody, and a gRPC port for the other services."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial

from crm.api.v1 import ledger_pb2_grpc
from crm.gateway.v1 import api_keys_pb2_grpc, roles_pb2_grpc, teams_pb2_grpc, users_pb2_grpc
from flask import Flask

from crm_chassis.mongo import connection
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.interceptors import Guard
from crm_chassis.rpc.references import References
from crm_chassis.rpc.server import RpcServer, build_peers, database_checks
from crm_chassis.rpc.shared import LedgerCountServicer
from crm_chassis.rpc.table import LocalCaller, MethodTable, Service
from crm_chassis.rpc.tokens import Signer, Verifier
from crm_chassis.telemetry import probes
from crm_chassis.telemetry.logging import start_logging
from crm_chassis.telemetry.probes import Check
from crm_chassis.telemetry.tracing import start_tracing, stop_tracing
from crm_gateway.access.authentication import Authenticator
from crm_gateway.access.identities import Identities
from crm_gateway.access.last_uses import LastUses
from crm_gateway.api_keys.documents import ApiKey
from crm_gateway.api_keys.servicer import ApiKeyServicer
from crm_gateway.app import Parts, create_app
from crm_gateway.own_calls import SERVICE
from crm_gateway.roles.documents import Role
from crm_gateway.roles.servicer import RoleServicer
from crm_gateway.settings import GatewaySettings
from crm_gateway.teams.documents import Team
from crm_gateway.teams.servicer import TeamServicer
from crm_gateway.transcoding.routes import Bindings
from crm_gateway.transcoding.schema import load_schema
from crm_gateway.transcoding.upstream import Upstreams
from crm_gateway.users.documents import User
from crm_gateway.users.servicer import UserServicer
from crm_gateway.views.routes import view_routes

DOCUMENTS = (User, Team, Role, ApiKey)
SHARED: tuple[Service, ...] = (
    (ledger_pb2_grpc.add_LedgerCountServiceServicer_to_server, LedgerCountServicer(SERVICE)),
)
# Without these nothing can be answered.
NEEDED = ("mongodb", "schema", "contacts")
# How long calls of other services may take at the end, in seconds.
GRACE = 5.0


@contextmanager
def running(settings: GatewaySettings, migrations: str) -> Iterator[Flask]:
    """The application with all that it needs open; closed again in the opposite order."""
    start_logging(settings.service, "api", settings.log_level)
    start_tracing(settings.service, "api")
    connection.connect(settings.mongodb_uri, settings.database_name)
    with ExitStack() as open_parts:
        open_parts.callback(stop_tracing)
        open_parts.callback(connection.disconnect)
        peers = open_parts.enter_context(closing(build_peers(settings)))
        uses = open_parts.enter_context(closing(LastUses()))
        checks = database_checks(migrations)
        guard = Guard(settings.service, Verifier.of(settings), References(DOCUMENTS, peers))
        open_parts.enter_context(_answering_services(settings, guard))
        open_parts.enter_context(closing(probes.serve(settings.metrics_address, checks)))
        local = LocalCaller(MethodTable([*own_services(settings), *SHARED], guard))
        yield create_app(parts_of(settings, peers, local, uses, checks))


def own_services(settings: GatewaySettings) -> list[Service]:
    """The RPCs of `crm.gateway.v1`, which are called in this process only."""
    users = UserServicer(settings.time_zone)
    return [
        (users_pb2_grpc.add_UserServiceServicer_to_server, users),
        (teams_pb2_grpc.add_TeamServiceServicer_to_server, TeamServicer()),
        (roles_pb2_grpc.add_RoleServiceServicer_to_server, RoleServicer()),
        (api_keys_pb2_grpc.add_ApiKeyServiceServicer_to_server, ApiKeyServicer()),
    ]


def parts_of(
    settings: GatewaySettings,
    peers: Peers,
    local: LocalCaller,
    uses: LastUses,
    checks: Mapping[str, Check],
) -> Parts:
    """What the application is put together from."""
    bindings = Bindings(load_schema())
    upstreams = Upstreams(bindings.schema, peers, local)
    authenticate = Authenticator(Signer.of(settings), Identities(), uses)
    others = [peer for peer in peers.names if peer != settings.service]
    return Parts(
        bindings=bindings,
        upstreams=upstreams,
        authenticate=authenticate,
        readiness={**checks, **{peer: partial(upstreams.check, peer) for peer in others}},
        needed=NEEDED,
        routes=view_routes(bindings, peers, authenticate),
    )


@contextmanager
def _answering_services(settings: GatewaySettings, guard: Guard) -> Iterator[None]:
    """What every service answers, on the internal port."""
    server = RpcServer(settings.grpc_address, MethodTable(SHARED, guard))
    server.start()
    server.set_serving(serving=True)
    try:
        yield
    finally:
        server.stop(GRACE)
