"""What `/ops` tells follows from the answers, and is unknown where there is none."""

import pytest

from crm_gateway.ops import figures
from crm_gateway.ops.overview import schemas
from crm_gateway.ops.seen import Seen

NOW = 1_800_000_000.0


def seen(past=None, last_up=None, **answers):
    return Seen("METRICS", NOW, "", "", answers, past=past or {}, last_up=last_up or {})


def test_events_are_recorded_by_the_service_that_their_type_names():
    recorded = {
        ("crm.service_desk.case.created.v1",): 1.0,
        ("crm.service_desk.case.closed.v1",): 2.0,
        ("crm.sales.deal.won.v1",): 4.0,
    }

    told = figures.messaging({"recorded": recorded}, NOW)

    assert {one.service: one.recorded_per_second for one in told.outboxes} == {
        "service-desk": 3.0,
        "sales": 4.0,
    }
    assert all(one.published_per_second is None for one in told.outboxes)


def test_a_service_whose_relay_is_away_keeps_its_line():
    told = figures.messaging({"up": {("crm-sales", "relay", "10.0.0.8:9"): 0.0}}, NOW)

    assert [(one.service, one.pending) for one in told.outboxes] == [("sales", None)]


@pytest.mark.parametrize(
    ("answers", "share"),
    [
        ({}, None),
        ({"requests": {(): 0.0}, "server_errors": {(): 0.0}}, None),
        ({"requests": {(): 4.0}}, None),
        ({"requests": {(): 4.0}, "server_errors": {(): 0.0}}, 0.0),
        ({"requests": {(): 4.0}, "server_errors": {(): 1.0}}, 0.25),
    ],
)
def test_a_share_of_nothing_is_unknown(answers, share):
    assert figures.served(answers).server_error_ratio == share


def test_the_share_of_full_views_is_of_all_views_and_partial_sections_are_named():
    answers = {
        "view_responses": {("full",): 3.0, ("partial",): 1.0, ("failed",): 0.0},
        "view_sections": {
            ("deals", "ok", ""): 3.0,
            ("deals", "degraded", "TIMEOUT"): 1.0,
            ("cases", "omitted", "UNAVAILABLE"): 0.0,
        },
    }

    told = figures.served(answers)

    assert told.full_view_ratio == 0.75
    assert [(one.section, one.reason) for one in told.partial_sections] == [("deals", "TIMEOUT")]


def test_what_is_needed_is_counted_over_the_processes_that_need_it():
    needs = {
        ("mongodb", "crm-sales", "api", "a:1"): 1.0,
        ("mongodb", "crm-sales", "relay", "a:2"): 0.0,
        ("rabbitmq", "", "", "a:3"): 0.0,
    }

    told = figures.dependencies({"dependencies": needs})

    assert [(one.dependency, one.up, one.of, one.lacking) for one in told] == [
        ("mongodb", 1, 2, ["sales/relay"]),
        ("rabbitmq", 0, 1, ["a:3"]),
    ]


def test_services_have_their_processes_and_faults_are_a_share_of_their_rpcs():
    up = {("crm-sales", "api", "a:1"): 1.0, ("crm-sales", "relay", "a:2"): 0.0}
    last = {("crm-sales", "relay", "a:2"): NOW - 30}
    rpcs = {"rpcs": {("sales",): 8.0}, "rpc_faults": {("sales",): 2.0}}

    [sales] = figures.services(seen(up=up, last_up=last, **rpcs))

    assert (sales.rpcs_per_second, sales.fault_ratio, sales.rpc_seconds) == (8.0, 0.25, None)
    assert [(one.process, one.is_up) for one in sales.processes] == [
        ("api", True),
        ("relay", False),
    ]
    assert sales.processes[1].last_up_time == figures.instant(NOW - 30)


def test_breakers_tell_their_state_and_who_asks():
    answers = {"breakers": {("sales", "crm-gateway", "api"): 2.0, ("contacts", "", ""): 1.0}}

    told = [(one.target, one.asker, one.state) for one in figures.breakers(answers)]

    assert told == [("contacts", "", "HALF_OPEN"), ("sales", "gateway/api", "OPEN")]


def test_the_last_hour_of_a_share_has_only_moments_at_which_there_was_something():
    past = {
        "requests": [(0.0, 4.0), (60.0, 0.0), (120.0, 2.0)],
        "server_errors": [(0.0, 1.0), (60.0, 0.0), (120.0, 1.0)],
        "reads": [(0.0, 1.0)],
    }

    told = figures.past(seen(past=past))

    assert told["serverErrorRatio"] == [(0.0, 0.25), (120.0, 0.5)]
    assert "readSeconds" not in told, "one point is no line"


def test_every_part_is_described():
    for name, schema in schemas().items():
        assert name.startswith("Ops")
        assert schema["description"]
        assert "title" not in schema
