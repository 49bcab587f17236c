"""The gRPC server of a process: what it serves, what stands around it, how it starts and stops."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from crm_chassis.memory import spare_the_collector
from crm_chassis.mongo import connection
from crm_chassis.mongo.failures import check_database
from crm_chassis.mongo.migrations import require_schema
from crm_chassis.mongo.outbox import watch_oldest
from crm_chassis.resources.document import Resource
from crm_chassis.resources.event_log import expect_events
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.interceptors import STREAM_CAP, Guard
from crm_chassis.rpc.references import References
from crm_chassis.rpc.table import MethodTable, Service
from crm_chassis.rpc.tokens import Signer, Verifier
from crm_chassis.settings import ServiceSettings
from crm_chassis.stopping import stop_when_asked
from crm_chassis.telemetry import probes
from crm_chassis.telemetry.logging import logger, start_logging
from crm_chassis.telemetry.probes import Check
from crm_chassis.telemetry.tracing import start_tracing, stop_tracing

THREADS = 16
# As many again may wait for a thread; further ones are refused at once.
CONCURRENT_RPCS = 2 * THREADS
# Longer than any answer takes, shorter than Kubernetes waits.
GRACE = 20.0
# How long calls may take to end that are cancelled then, and their connections.
CANCELLED_WITHIN = 3.0
# How often it is looked whether a server that is not ready yet has become so.
ROUND = 0.5
NEEDED = ("mongodb_uri", "grpc_address", "metrics_address", "token_key_file", "token_keys_file")
log = logger(__name__)


@dataclass(frozen=True)
class Options:
    """How a server behaves towards its connections, in seconds."""

    connection_age: float = 8.0
    # A stream that has begun may go on for as long as any may.
    connection_age_grace: float = STREAM_CAP
    fastest_ping: float = 30.0

    def channel_arguments(self) -> list[tuple[str, Any]]:
        """The same in gRPC's words. It varies the age itself, so that not all come at once."""
        return [
            # Clients look for new servers when a connection ends: so it ends now and then.
            ("grpc.max_connection_age_ms", int(self.connection_age * 1000)),
            ("grpc.max_connection_age_grace_ms", int(self.connection_age_grace * 1000)),
            ("grpc.http2.min_ping_interval_without_data_ms", int(self.fastest_ping * 1000)),
            ("grpc.keepalive_permit_without_calls", 1),
            # Two processes on one port would each get half of the calls, and nobody would know.
            ("grpc.so_reuseport", 0),
        ]


class RpcServer:
    """A server with health and reflection beside the services it was given."""

    def __init__(self, address: str, table: MethodTable, options: Options | None = None) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "rpc")
        self._server = grpc.server(
            self._threads,
            maximum_concurrent_rpcs=CONCURRENT_RPCS,
            options=(options or Options()).channel_arguments(),
        )
        self._health = health.HealthServicer(
            experimental_non_blocking=True,
            experimental_thread_pool=ThreadPoolExecutor(1, "health"),
        )
        self._names = (*table.services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        table.register(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(self._names, self._server)
        self.set_serving(serving=False)
        self.port: int = self._server.add_insecure_port(address)

    def start(self) -> None:
        """Listen. The health of its services is NOT_SERVING until somebody sets it."""
        self._server.start()

    def set_serving(self, *, serving: bool) -> None:
        """Tell who asks for health that calls are welcome, or are not."""
        status = health_pb2.HealthCheckResponse
        for name in ("", *self._names):
            self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    def stop(self, grace: float = GRACE) -> None:
        """Take no new calls, wait `grace` seconds for those under way, and cancel what is left.

        gRPC itself waits for its last connection however long that takes, and for no thread: one
        whose caller has given up may be within a transaction, which the database would hold on to.
        """
        self._health.enter_graceful_shutdown()
        end = monotonic() + grace + CANCELLED_WITHIN
        is_over = self._server.stop(grace).wait(end - monotonic())
        ending = Thread(target=self._threads.shutdown, name="ending", daemon=True)
        ending.start()
        ending.join(max(end - monotonic(), 0.0))
        if ending.is_alive() or not is_over:
            log.error("calls not ended", grace=grace)


def build_peers(settings: ServiceSettings) -> Peers:
    """The other services, as the settings name them."""
    return Peers(Signer.of(settings), settings.peers)


def build_table(
    settings: ServiceSettings,
    services: Sequence[Service],
    documents: Sequence[type[Resource]],
    peers: Peers,
    is_timed: bool = True,
) -> MethodTable:
    """The RPCs of a service with the guard around them.

    Raises:
        ValueError: an RPC does not declare what it needs.
    """
    references = References(documents, peers)
    guard = Guard(settings.service, Verifier.of(settings), references, is_timed)
    return MethodTable(services, guard)


def serve(
    settings: ServiceSettings,
    services: Sequence[Service],
    documents: Sequence[type[Resource]],
    migrations: str,
    peers: Peers | None = None,
) -> None:
    """Answer RPCs until SIGTERM or SIGINT; then finish those under way.

    `services` are pairs of a generated `add_...Servicer_to_server` and its servicer; `documents`
    the kinds of resources that the service stores; `migrations` the package whose migrations must
    have run; `peers` what the servicers themselves ask with.

    Raises:
        ValueError: a setting is missing, or an RPC does not declare what it needs.
    """
    settings.need(*NEEDED)
    start_logging(settings.service, "api", settings.log_level)
    start_tracing(settings.service, "api")
    connection.connect(settings.mongodb_uri, settings.database_name)
    expect_events(settings.service)
    if documents:
        watch_oldest(settings.service)
    with closing(peers or build_peers(settings)) as known:
        table = build_table(settings, services, documents, known)
        server = RpcServer(settings.grpc_address, table)
        _run(server, settings, database_checks(migrations))
    connection.disconnect()
    stop_tracing()


def database_checks(migrations: str) -> Mapping[str, Check]:
    """What readiness needs of the database: that it answers, and that these have run."""
    return {"mongodb": check_database, "schema": lambda: require_schema(migrations)}


def _run(server: RpcServer, settings: ServiceSettings, checks: Mapping[str, Check]) -> None:
    stop = Event()
    stop_when_asked(stop.set, GRACE)
    with closing(probes.serve(settings.metrics_address, {"rpc": _until(stop), **checks})):
        server.start()
        spare_the_collector()
        log.info("listening", address=settings.grpc_address, port=server.port)
        while not stop.is_set() and not _holds(checks):
            stop.wait(ROUND)
        server.set_serving(serving=not stop.is_set())
        stop.wait()
        server.set_serving(serving=False)
        server.stop()
    log.info("stopped")


def _until(stop: Event) -> Check:
    def check() -> None:
        if stop.is_set():
            raise RuntimeError("it is stopping")

    return check


def _holds(checks: Mapping[str, Check]) -> bool:
    """Whether every dependency is there."""
    try:
        for check in checks.values():
            check()
    except Exception as error:
        log.warning("not ready", exc_info=error)
        return False
    return True
