"""A collector that takes spans over OTLP/HTTP and keeps them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class Recorded:
    """A span as it was sent, and the service (`crm-contacts`) that did."""

    service: str
    span: Span

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def trace(self) -> str:
        return self.span.trace_id.hex()

    @property
    def id(self) -> str:
        return self.span.span_id.hex()

    @property
    def parent(self) -> str:
        return self.span.parent_span_id.hex()

    @property
    def kind(self) -> str:
        """`server`, `client`, `producer`, `consumer` or `internal`."""
        return Span.SpanKind.Name(self.span.kind).removeprefix("SPAN_KIND_").lower()


@dataclass
class Collector:
    """What was sent so far, in the order of its arrival."""

    url: str
    spans: list[Recorded] = field(default_factory=list)

    @property
    def variables(self) -> Mapping[str, str]:
        """What lets a process send its spans here soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def of_trace(self, trace: str) -> list[Recorded]:
        """The spans of one trace."""
        return [recorded for recorded in list(self.spans) if recorded.trace == trace]

    def take(self, body: bytes) -> None:
        """Keep the spans of an export."""
        for sent in ExportTraceServiceRequest.FromString(body).resource_spans:
            told = {each.key: each.value.string_value for each in sent.resource.attributes}
            self.spans += [
                Recorded(told.get("service.name", ""), span)
                for scope in sent.scope_spans
                for span in scope.spans
            ]


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector that listens while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            collecting.take(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its word
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collecting = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield collecting
    finally:
        server.shutdown()
        server.server_close()
