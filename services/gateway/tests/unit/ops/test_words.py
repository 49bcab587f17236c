"""How figures are written for people."""

from datetime import UTC, datetime

import pytest

from crm_gateway.ops import sparkline, words
from crm_gateway.ops.overview import OpsProblem


@pytest.mark.parametrize(
    ("write", "value", "said"),
    [
        (words.rate, None, "–"),
        (words.rate, 0.0, "0/s"),
        (words.rate, 0.05, "3/min"),
        (words.rate, 12.34, "12.3/s"),
        (words.rate, 1234.5, "1\u202f234/s"),
        (words.share, None, "–"),
        (words.share, 0.0, "0 %"),
        (words.share, 0.00012, "0.012 %"),
        (words.share, 0.9987, "99.87 %"),
        (words.share, 1.0, "100 %"),
        (words.seconds, None, "–"),
        (words.seconds, 0.0321, "32 ms"),
        (words.seconds, 1.26, "1.3 s"),
        (words.seconds, 273.7, "4 min 34 s"),
        (words.age, None, "–"),
        (words.age, 61.0, "1 min 1 s"),
        (words.count, None, "–"),
        (words.count, 12345.0, "12\u202f345"),
    ],
)
def test_what_is_not_known_is_a_dash_and_never_a_zero(write, value, said):
    assert write(value) == said


@pytest.mark.parametrize(
    ("is_seen", "day", "said"),
    [
        (False, 29, "since 02:00:00 UTC, 13 min"),
        (True, 29, "seen since 02:00:00 UTC, 13 min"),
        (False, 28, "since 2026-11-28 02:00:00 UTC, 1 d"),
    ],
)
def test_since_when_is_told_with_how_long_that_is(is_seen, day, said):
    problem = a_problem(datetime(2026, 11, day, 2, tzinfo=UTC), is_seen)

    assert words.since(problem, datetime(2026, 11, 29, 2, 13, tzinfo=UTC)) == said


def a_problem(since, is_seen):
    told = dict.fromkeys(("name", "severity", "subject", "summary", "action", "runbook"), "x")
    return OpsProblem(**told, origin="FIGURES", since=since, is_since_seen=is_seen)


def test_a_sparkline_goes_from_edge_to_edge_and_leaves_gaps_open():
    points = [(0.0, 0.0), (60.0, 10.0), (120.0, 5.0), (600.0, 10.0)]

    drawn = sparkline.path_of(points)

    assert drawn == "M0.0 23.0L12.0 1.0L24.0 12.0M120.0 1.0"


def test_a_sparkline_of_nothing_but_zeros_lies_at_the_bottom():
    assert sparkline.path_of([(0.0, 0.0), (60.0, 0.0)]) == "M0.0 23.0L120.0 23.0"
