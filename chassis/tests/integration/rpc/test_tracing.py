"""One trace: from whoever calls, through RPCs and the log, to what is done with the event."""

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import new_id
from crm_chassis.telemetry.tracing import (
    current_traceparent,
    is_traceparent,
    new_traceparent,
    span,
    start_tracing,
    stop_tracing,
    trace_id_of,
)

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


@pytest.fixture
def collector(monkeypatch):
    """An OTLP collector; calling it ends the recording and gives the spans by name."""
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    start_tracing("contacts", "api")

    def spans():
        stop_tracing()
        requests = [ExportTraceServiceRequest.FromString(body) for body in bodies]
        return {
            recorded.name: recorded
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for recorded in scope.spans
        }

    yield spans
    stop_tracing()
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_a_collector_contexts_are_taken_up_and_passed_on():
    with span("outer", traceparent=SAMPLED) as outer, span("inner") as inner:
        inside = current_traceparent()

    assert outer == inner == inside == SAMPLED
    assert current_traceparent() == ""


def test_a_trace_begins_where_none_is_told():
    with span("work", traceparent="nonsense") as begun:
        inside = current_traceparent()

    assert is_traceparent(begun)
    assert inside == begun


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00-1-2-3",
        SAMPLED.upper(),
        SAMPLED + "\n",
        "ff" + SAMPLED[2:],
        "00-" + "0" * 32 + SAMPLED[35:],
        SAMPLED[:36] + "0" * 16 + "-01",
    ],
)
def test_what_is_no_context_is_not_taken_up(text):
    assert not is_traceparent(text)
    assert is_traceparent(new_traceparent())


def test_one_trace_runs_from_the_call_to_the_reaction(collector, served, database):
    told = {"traceparent": SAMPLED}
    request = contacts_pb2.CreateContactRequest(contact=contacts_pb2.Contact(given_name="Ann"))

    with span("POST /v1/contacts", kind="server", **told) as edge:
        contacts = served.stub(contacts_pb2_grpc.ContactServiceStub)
        contacts.CreateContact(request)
    event = database["events"].find_one()
    with span("publish", traceparent=event["traceparent"], kind="producer") as published:
        pass
    with span("react", traceparent=published, kind="consumer", follows=edge):
        pass

    spans = collector()
    route = ["POST /v1/contacts", "contacts CreateContact", "CreateContact", "publish", "react"]
    assert [KINDS[spans[name].kind] for name in route] == [
        "server",
        "client",
        "server",
        "producer",
        "consumer",
    ]
    parents = [spans[name].parent_span_id for name in route]
    assert parents[0].hex() == SAMPLED[36:52]
    assert parents[1:] == [spans[name].span_id for name in route[:-1]]
    assert {spans[name].trace_id.hex() for name in route} == {trace_id_of(SAMPLED)}
    assert spans["react"].links[0].span_id == spans["POST /v1/contacts"].span_id


def test_a_refusal_is_no_error_of_the_service(collector, contacts, people):
    def break_down(_request):
        raise RuntimeError("Ann Miller")

    request = contacts_pb2.GetContactRequest(name=f"contacts/{new_id()}")
    with pytest.raises(NotFound), span("asking", traceparent=SAMPLED):
        contacts.GetContact(request)

    recorded = collector()["GetContact"]
    assert recorded.status.code == 0
    assert {each.key: each.value.string_value for each in recorded.attributes} == {
        "error.type": "NotFound"
    }


def test_a_trace_that_nobody_samples_is_not_recorded(collector):
    with span("work", traceparent=UNSAMPLED) as inside:
        pass

    assert trace_id_of(inside) == trace_id_of(UNSAMPLED)
    assert collector() == {}


def test_a_process_does_not_wait_for_a_collector_that_is_away(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    start_tracing("contacts", "api")
    with span("work", traceparent=SAMPLED):
        pass
    begun = time.monotonic()

    stop_tracing()

    assert time.monotonic() - begun < 4
