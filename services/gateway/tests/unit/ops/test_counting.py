"""Answers from what processes told at two looks."""

import math

import pytest

from crm_gateway.ops.counting import Change, Told, answer, quantile
from crm_gateway.ops.questions import Question

SUMS = Question("sold_total", "rate", ("kind",))


def told(at, series, began=None, process="api"):
    labels = {"job": "crm-shop", "process": process, "instance": f"{process}:1"}
    return Told(at, labels, began, series)


def sold(value, kind="apple"):
    return {"sold_total": [({"kind": kind}, value)]}


def test_a_rate_is_the_increase_between_two_looks_by_time():
    change = Change(told(110.0, sold(50.0)), 100.0, told(100.0, sold(20.0)))

    assert answer(SUMS, [change]) == {("apple",): 3.0}


def test_rates_of_several_processes_add_up():
    changes = [
        Change(told(110.0, sold(50.0)), 100.0, told(100.0, sold(20.0))),
        Change(told(110.0, sold(10.0)), 100.0, told(100.0, sold(0.0))),
    ]

    assert answer(SUMS, changes) == {("apple",): 4.0}


def test_at_the_first_look_no_rate_is_known():
    assert answer(SUMS, [Change(told(110.0, sold(50.0)))]) == {}


def test_a_counter_that_does_not_move_has_a_rate_of_zero():
    change = Change(told(110.0, sold(50.0)), 100.0, told(100.0, sold(50.0)))

    assert answer(SUMS, [change]) == {("apple",): 0.0}


def test_a_series_that_is_new_in_a_known_process_began_at_zero():
    change = Change(told(110.0, sold(5.0)), 100.0, told(100.0, {}))

    assert answer(SUMS, [change]) == {("apple",): 0.5}


def test_a_process_that_began_since_has_counted_from_zero():
    change = Change(told(110.0, sold(30.0), began=105.0), 100.0, told(100.0, sold(20.0), began=1.0))

    assert answer(SUMS, [change]) == {("apple",): 3.0}


def test_nothing_is_made_up_of_a_process_that_was_away_at_the_look_before():
    away = Change(told(110.0, sold(30.0), began=50.0), 100.0, None)
    new = Change(told(110.0, sold(30.0), began=105.0), 100.0, None)

    assert answer(SUMS, [away]) == {}
    assert answer(SUMS, [new]) == {("apple",): 3.0}


@pytest.mark.parametrize(("how", "value"), [("sum", 5.0), ("max", 3.0), ("min", 2.0)])
def test_gauges_are_put_together_as_the_question_wants(how, value):
    series = {"depth": [({"side": "a"}, 2.0), ({"side": "b"}, 3.0)]}

    assert answer(Question("depth", how=how), [Change(told(1.0, series))]) == {(): value}


def test_what_is_not_a_number_is_not_known():
    series = {"depth": [({}, math.nan)]}

    assert answer(Question("depth"), [Change(told(1.0, series))]) == {}


def test_only_series_that_match_count_and_those_left_out_do_not():
    series = {"depth": [({"at": "sea"}, 2.0), ({"at": "seaside"}, 3.0), ({"at": "lake"}, 4.0)]}
    asked = Question("depth", by=("at",), where=(("at", "sea.*"),), without=(("at", "sea"),))

    assert answer(asked, [Change(told(1.0, series))]) == {("seaside",): 3.0}


def test_processes_are_told_apart_by_their_own_labels():
    asked = Question("depth", by=("job", "process"))
    changes = [Change(told(1.0, {"depth": [({}, 1.0)]}, process=name)) for name in ("api", "relay")]

    assert set(answer(asked, changes)) == {("crm-shop", "api"), ("crm-shop", "relay")}


def buckets(*counts):
    bounds = ("0.1", "0.3", "+Inf")
    return {"lasted_bucket": [({"le": le}, n) for le, n in zip(bounds, counts, strict=True)]}


def test_a_percentile_is_of_what_was_observed_between_the_looks():
    change = Change(told(110.0, buckets(120, 220, 220)), 100.0, told(100.0, buckets(120, 120, 120)))

    answered = answer(Question("lasted", "p95"), [change])

    assert answered[()] == pytest.approx(0.29)


def test_without_an_observation_there_is_no_percentile():
    same = buckets(120, 220, 220)

    assert answer(Question("lasted", "p95"), [Change(told(2.0, same), 1.0, told(1.0, same))]) == {}


@pytest.mark.parametrize(
    ("counts", "value"),
    [
        ({0.1: 100, 0.3: 100, math.inf: 100}, 0.095),
        ({0.1: 0, 0.3: 100, math.inf: 100}, 0.29),
        ({0.1: 0, 0.3: 0, math.inf: 100}, 0.3),
        ({0.1: 0, 0.3: 0, math.inf: 0}, None),
        ({math.inf: 5}, None),
        ({0.1: 5}, None),
        ({}, None),
    ],
)
def test_percentiles_are_interpolated_within_their_bucket(counts, value):
    found = quantile(0.95, counts)

    assert found == (pytest.approx(value) if value is not None else None)
