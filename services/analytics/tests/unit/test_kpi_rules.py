"""Which days indicators speak of, and how their values come about."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from crm_analytics.kpis.rules import (
    Calendar,
    OpenSpan,
    Value,
    amounts,
    calendar_of,
    counts,
    medians,
    open_amounts,
    open_counts,
    ratios,
)
from crm_chassis.kernel.errors import Invalid
from crm_chassis.kernel.money import Money

ZURICH = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 5, 3, 22, 30, tzinfo=UTC)
MAY_1, MAY_2, MAY_3 = (date(2026, 5, day) for day in (1, 2, 3))
DAYS = Calendar([MAY_1, MAY_2, MAY_3], ZoneInfo("UTC"))


def at(day, hour=12):
    return datetime(2026, 5, day, hour, tzinfo=UTC)


def euros(amount):
    return Money("EUR", Decimal(amount))


def texts(values):
    return [(value.day.day, value.text, value.currency_code) for value in values]


def test_without_a_wish_the_days_are_the_last_thirty_where_the_company_is():
    calendar = calendar_of("", "", ZURICH, NOW)

    assert (calendar.days[0], calendar.days[-1]) == (date(2026, 4, 5), date(2026, 5, 4))
    assert len(calendar.days) == 30


def test_days_that_have_not_begun_are_left_out():
    assert calendar_of("2026-05-03", "2026-06-01", ZoneInfo("UTC"), NOW).days == [MAY_3]
    assert calendar_of("2026-05-04", "2026-06-01", ZoneInfo("UTC"), NOW).days == []


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2026-05-02", "2026-05-01", "ENDS_BEFORE_START"),
        ("2025-05-01", "2026-05-02", "OUT_OF_RANGE"),
    ],
)
def test_days_the_wrong_way_round_or_too_many_are_refused(start, end, reason):
    with pytest.raises(Invalid) as refused:
        calendar_of(start, end, ZURICH, NOW)

    [flaw] = refused.value.flaws
    assert (flaw.field, flaw.place, flaw.reason) == ("end_date", "query", reason)


def test_a_day_may_have_another_length_than_24_hours():
    spring = Calendar([date(2026, 3, 29)], ZURICH)

    assert spring.end - spring.start == timedelta(hours=23)
    assert spring.day_of(datetime(2026, 3, 28, 23, 30, tzinfo=UTC)) == date(2026, 3, 29)


def test_a_day_without_any_counts_none():
    assert texts(counts(DAYS, {MAY_2: 3})) == [(1, "0", ""), (2, "3", ""), (3, "0", "")]


def test_amounts_are_summed_by_currency():
    told = {MAY_1: [euros("0.10"), euros("0.20")], MAY_3: [Money("CHF", Decimal(1000))]}

    assert texts(amounts(DAYS, told)) == [
        (1, "0", "CHF"),
        (1, "0.3", "EUR"),
        (2, "0", "CHF"),
        (2, "0", "EUR"),
        (3, "1000", "CHF"),
        (3, "0", "EUR"),
    ]
    assert list(amounts(DAYS, {})) == []


def test_of_a_day_without_any_there_is_no_median_and_no_ratio():
    assert texts(medians(DAYS, {MAY_1: [Decimal(1), Decimal(2)]})) == [(1, "1.5", "")]
    assert texts(ratios(DAYS, {MAY_1: 1, MAY_3: 1}, {MAY_1: 3})) == [(1, "0.333333", "")]


def test_what_is_open_at_the_end_of_a_day_counts():
    spans = [
        OpenSpan(at(1), at(2)),
        OpenSpan(at(2, 1), at(2, 23)),
        OpenSpan(at(2), None),
        OpenSpan(datetime(2020, 1, 1, tzinfo=UTC), at(3, 0)),
    ]

    assert texts(open_counts(DAYS, spans)) == [(1, "2", ""), (2, "2", ""), (3, "1", "")]


def test_open_amounts_follow_each_change():
    spans = [
        OpenSpan(at(1), at(2), euros(100)),
        OpenSpan(at(2), at(3), euros(150)),
        OpenSpan(at(1), None, Money("CHF", Decimal(7))),
        OpenSpan(at(1), None, None),
    ]

    assert texts(open_amounts(DAYS, spans)) == [
        (1, "7", "CHF"),
        (1, "100", "EUR"),
        (2, "7", "CHF"),
        (2, "150", "EUR"),
        (3, "7", "CHF"),
        (3, "0", "EUR"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [("100", "100"), ("1E+3", "1000"), ("0.50", "0.5"), ("-0", "0"), ("1.23456789", "1.234568")],
)
def test_a_value_is_a_plain_decimal_number(value, text):
    assert Value(MAY_1, Decimal(value)).text == text
