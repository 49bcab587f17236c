"""A process's own HTTP port: `/metrics`, `/livez`, `/readyz`."""

import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from crm_chassis.telemetry.logging import logger
from crm_chassis.telemetry.metrics import DEPENDENCY_UP

Check = Callable[[], None]
JSON = "application/json"
Answer = tuple[int, str, bytes]
log = logger(__name__)


@dataclass(frozen=True)
class Probes:
    """The running HTTP port."""

    server: ThreadingHTTPServer

    @property
    def port(self) -> int:
        return self.server.server_port

    def close(self) -> None:
        """Answer no more."""
        self.server.shutdown()
        self.server.server_close()


def serve(
    address: str,
    readiness: Mapping[str, Check],
    liveness: Mapping[str, Check] | None = None,
    watched: Mapping[str, Check] | None = None,
) -> Probes:
    """Answer probes and scrapes on `address` (`host:port`) until it is closed.

    A check raises while its dependency is not ready, or the process no longer gets on.
    Dependencies belong in `readiness` only: a restart does not bring a database back. Those
    `watched` are measured as they are, but the process is ready without them.
    """
    dependencies = {**readiness, **(watched or {})}
    host, _, port = address.rpartition(":")
    checks: dict[str, Mapping[str, Check]] = {"/readyz": readiness, "/livez": liveness or {}}

    class Handler(_Handler):
        def answer(self) -> Answer:
            if self.path == "/metrics":
                return _metrics(self.headers.get("Accept", ""), dependencies)
            if self.path in checks:
                return _report(checks[self.path])
            return 404, JSON, b"{}"

    server = _Server((host, int(port)), Handler)
    Thread(target=server.serve_forever, args=(0.5,), name="probes", daemon=True).start()
    return Probes(server)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A load balancer that probes while nobody gets to accept must not be refused at once.
    request_queue_size = 32

    def handle_error(self, request: object, client_address: object) -> None:
        """Tell in a line of the log; most often whoever asked did not wait for the answer."""
        log.debug("probe not answered", exc_info=sys.exception())


class _Handler(BaseHTTPRequestHandler):
    timeout = 10

    def answer(self) -> Answer:
        raise NotImplementedError

    def do_GET(self) -> None:
        status, content_type, body = self.answer()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's word
        """Probes come every few seconds: they are not news."""


def _metrics(accepted: str, dependencies: Mapping[str, Check]) -> Answer:
    """All metrics, and how what is needed stands now: what hangs holds up nothing else."""
    with ThreadPoolExecutor(max(1, len(dependencies)), "scrape") as pool:
        outcomes = pool.map(_outcome, dependencies.values())
        for name, outcome in zip(dependencies, outcomes, strict=True):
            DEPENDENCY_UP.labels(name).set(outcome == "ok")
    encode, content_type = choose_encoder(accepted)
    return 200, content_type, encode(REGISTRY)


def _report(checks: Mapping[str, Check]) -> Answer:
    results = {name: _outcome(check) for name, check in checks.items()}
    healthy = all(result == "ok" for result in results.values())
    body = json.dumps({"ok": healthy, "checks": results}).encode()
    return (200 if healthy else 503), JSON, body


def _outcome(check: Check) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001 - whatever a check raises means: not now
        return f"{type(error).__name__}: {error}"[:200]
    return "ok"
