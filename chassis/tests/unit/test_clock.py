"""Moments as texts: always in UTC, always with three digits."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_chassis.kernel.clock import milliseconds, parse_rfc3339, rfc3339


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 5, 3, 12, tzinfo=UTC), "2026-05-03T12:00:00.000Z"),
        (datetime(2026, 5, 3, 12, 0, 0, 7999, UTC), "2026-05-03T12:00:00.007Z"),
        (datetime(2026, 5, 3, 1, tzinfo=timezone(timedelta(hours=2))), "2026-05-02T23:00:00.000Z"),
        (datetime(2026, 5, 3, 12, tzinfo=UTC).replace(tzinfo=None), "2026-05-03T12:00:00.000Z"),
    ],
)
def test_a_moment_is_written_in_utc_with_three_digits(moment, text):
    assert rfc3339(moment) == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_again_to_the_millisecond(moment):
    assert parse_rfc3339(rfc3339(moment)) == milliseconds(moment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-05-03",
        "2026-05-03T12:00:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:00:00-02:00",
    ],
)
def test_what_names_no_moment_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the interpreter's
        parse_rfc3339(text)
