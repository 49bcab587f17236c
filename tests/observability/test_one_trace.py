"""One trace runs from the caller through gateway, RPC, log and broker into each reaction."""

import os

from crm_chassis.testing.waiting import wait_until

PATH = {
    ("crm-gateway", "POST /v1/contacts"),
    ("crm-contacts", "CreateContact"),
    ("crm-contacts", "publish"),
}
CONSUMERS = ("crm-sales", "crm-service-desk", "crm-campaigns", "crm-analytics")


def test_a_change_and_all_that_follows_from_it_is_one_trace(suite, spans):
    trace, caller = os.urandom(16).hex(), os.urandom(8).hex()
    client = suite.client()

    made = client.post(
        "/v1/contacts", {"givenName": "Trace"}, traceparent=f"00-{trace}-{caller}-01"
    )
    name = made.ok()["name"]
    wait_until(lambda: set(CONSUMERS) <= _reacting(spans, trace), what="all reactions")
    # Each process tells of its spans when it comes to it, the first ones not always first.
    wait_until(lambda: _is_whole(spans.of_trace(trace), caller), what="what they follow from")
    found = {(each.service, each.name): each for each in spans.of_trace(trace)}

    edge = found["crm-gateway", "POST /v1/contacts"]
    stored = found["crm-contacts", "CreateContact"]
    published = found["crm-contacts", "publish"]
    reactions = [each for each in found.values() if each.name.startswith("react ")]
    assert edge.parent == caller
    assert [each.kind for each in (edge, stored, published)] == ["server", "server", "producer"]
    assert _leads(found.values(), edge, stored)
    assert _leads(found.values(), stored, published)
    assert {each.service for each in reactions} == set(CONSUMERS)
    assert {each.kind for each in reactions} == {"consumer"}
    assert all(_leads(found.values(), stored, each) for each in reactions)
    assert made.headers["traceparent"].split("-")[1] == trace
    assert client.get(f"/v1/{name}").headers["traceparent"].split("-")[1] != trace


def _reacting(spans, trace):
    """The services that have reacted in the trace."""
    return {each.service for each in spans.of_trace(trace) if each.name.startswith("react ")}


def _is_whole(spans, caller):
    """Whether it has all that is looked for, and whatever each of its spans is below."""
    told = {(each.service, each.name) for each in spans}
    known = {each.id for each in spans} | {caller}
    return told >= PATH and all(each.parent in known for each in spans)


def _leads(spans, cause, effect):
    """Whether one span is somewhere above another."""
    by_id = {each.id: each for each in spans}
    above = effect
    while above is not None and above.id != cause.id:
        above = by_id.get(above.parent)
    return above is not None
