"""One trace: from whoever calls, through RPCs and the log, to what is done with the event."""

import time

import pytest
from crm.contacts.v1 import contacts_pb2, contacts_pb2_grpc

from crm_chassis.kernel.errors import NotFound
from crm_chassis.kernel.ids import new_id
from crm_chassis.telemetry.tracing import (
    current_traceparent,
    is_sampled,
    is_traceparent,
    new_traceparent,
    span,
    start_tracing,
    stop_tracing,
    trace_id_of,
)
from crm_chassis.testing.otlp import collector
from crm_chassis.testing.waiting import wait_until

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


@pytest.fixture
def spans(monkeypatch):
    """Calling it ends the recording and gives the spans by name."""
    with collector() as collecting:
        for name, value in collecting.variables.items():
            monkeypatch.setenv(name, value)
        start_tracing("contacts", "api")

        def recorded(*awaited):
            # A server's span may end a moment after its caller has the answer.
            wait_until(lambda: set(awaited) <= {each.name for each in collecting.spans})
            stop_tracing()
            return {each.name: each for each in collecting.spans}

        yield recorded
        stop_tracing()


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


def test_one_trace_runs_from_the_call_to_the_reaction(spans, served, database):
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

    found = spans("CreateContact")
    route = ["POST /v1/contacts", "contacts CreateContact", "CreateContact", "publish", "react"]
    assert [found[name].kind for name in route] == [
        "server",
        "client",
        "server",
        "producer",
        "consumer",
    ]
    parents = [found[name].parent for name in route]
    assert parents == [SAMPLED[36:52], *(found[name].id for name in route[:-1])]
    assert {found[name].trace for name in route} == {trace_id_of(SAMPLED)}
    assert found["react"].span.links[0].span_id.hex() == found["POST /v1/contacts"].id


def test_a_refusal_is_no_error_of_the_service(spans, contacts, people):
    def break_down(_request):
        raise RuntimeError("Ann Miller")

    request = contacts_pb2.GetContactRequest(name=f"contacts/{new_id()}")
    with pytest.raises(NotFound), span("asking", traceparent=SAMPLED):
        contacts.GetContact(request)

    recorded = spans("GetContact")["GetContact"].span
    assert recorded.status.code == 0
    assert {each.key: each.value.string_value for each in recorded.attributes} == {
        "error.type": "NotFound"
    }


def test_a_trace_that_nobody_samples_is_not_recorded(spans):
    with span("work", traceparent=UNSAMPLED) as inside:
        pass

    assert trace_id_of(inside) == trace_id_of(UNSAMPLED)
    assert spans() == {}


def test_a_sampler_that_heeds_no_parent_records_what_its_parent_left_out(monkeypatch, request):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    spans = request.getfixturevalue("spans")

    with span("work", traceparent=UNSAMPLED):
        pass

    assert spans("work")["work"].trace == trace_id_of(UNSAMPLED)


def test_as_many_traces_are_recorded_as_the_ratio_says_by_their_ids(monkeypatch, request):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    spans = request.getfixturevalue("spans")

    begun = {}
    for number in range(200):
        with span(f"work {number}") as begun[number]:
            pass
    sampled = {number: told for number, told in begun.items() if is_sampled(told)}

    found = spans(*(f"work {number}" for number in sampled))
    assert {name: each.trace for name, each in found.items()} == {
        f"work {number}": trace_id_of(told) for number, told in sampled.items()
    }
    assert all(each.parent == "" for each in found.values())
    # The specification's rule, so that every service on the way decides alike.
    low = {number for number, told in begun.items() if int(trace_id_of(told)[16:], 16) < 2**63}
    assert set(sampled) == low
    assert 50 < len(sampled) < 150


def test_what_begins_unsampled_stays_so(monkeypatch, request):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    spans = request.getfixturevalue("spans")

    with span("outer") as outer, span("inner") as inner:
        pass

    assert trace_id_of(inner) == trace_id_of(outer)
    assert spans() == {}


def test_a_process_does_not_wait_for_a_collector_that_is_away(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    start_tracing("contacts", "api")
    with span("work", traceparent=SAMPLED):
        pass
    begun = time.monotonic()

    stop_tracing()

    assert time.monotonic() - begun < 15
