"""Telemetry under eventlet: probes answer, spans arrive, and nothing of gRPC is loaded."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from crm_chassis.testing.ports import free_ports
from crm_chassis.testing.waiting import wait_until

PROGRAM = Path(__file__).with_name("green_process.py")


@pytest.fixture
def collector():
    """An OTLP collector, and the bodies that it was sent."""
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()
    server.server_close()


@pytest.fixture
def process(collector):
    address = f"127.0.0.1:{free_ports(1)[0]}"
    variables = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector[0],
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    started = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(PROGRAM), address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=variables,
        text=True,
    )
    started.address = f"http://{address}"
    yield started
    started.kill()
    started.communicate()


def spans_in(bodies):
    """The names of the spans that were sent."""
    return [
        span.name
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_probes_and_traces_work_on_green_threads(process, collector):
    listening = json.loads(process.stdout.readline())
    with urlopen(f"{process.address}/readyz", timeout=10) as answer:
        ready = json.load(answer)
    with urlopen(f"{process.address}/metrics", timeout=10) as answer:
        shown = answer.read().decode()

    wait_until(lambda: len(spans_in(collector[1])) == 3, 20, what="three spans")
    process.communicate(timeout=20)

    assert listening["event"] == "listening"
    assert ready == {"ok": True, "checks": {"rabbitmq": "ok"}}
    assert "process_resident_memory_bytes" in shown
    assert sorted(spans_in(collector[1])) == ["react 0", "react 1", "react 2"]
    assert process.returncode == 0
