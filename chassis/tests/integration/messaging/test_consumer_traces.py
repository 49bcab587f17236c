"""One trace runs into the reaction, of each event of a batch."""

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from crm_chassis.testing.messages import an_event
from crm_chassis.testing.waiting import wait_until


@pytest.fixture
def spans(monkeypatch):
    """What consumers of this test tell a collector: (trace, parent) of each span."""
    found = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    found.extend(
                        (one.trace_id.hex(), one.parent_span_id.hex()) for one in scope.spans
                    )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    yield found
    server.shutdown()
    server.server_close()


def test_the_trace_of_each_event_of_a_batch_has_its_reaction(log, broker, consumer, spans):
    traces = [f"{number:032x}" for number in range(1, 13)]
    events = [an_event(traceparent=f"00-{trace}-{'2' * 16}-01") for trace in traces]
    unsampled = an_event()
    consumer.start("Batches").ready().stop()
    broker.publish(*events, unsampled)

    process = consumer.start("Batches")
    wait_until(lambda: log["effects"].count_documents({}) == len(events) + 1, 20)
    process.stop()

    assert max(row["batch"] for row in log["effects"].find()) > 1
    assert Counter(spans) == Counter((trace, "2" * 16) for trace in traces)
