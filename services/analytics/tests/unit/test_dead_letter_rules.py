"""Decisions about the list of all dead letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_analytics.dead_letters.rules import positions_in, shares, token_of
from crm_chassis.kernel.errors import Invalid

SERVICES = ("contacts", "service-desk")


def test_a_list_begins_at_the_beginning_of_every_service():
    assert positions_in("", SERVICES) == {"contacts": "", "service-desk": ""}


def test_a_token_says_where_each_service_goes_on():
    token = token_of({"contacts": "aB_-9="}, {"service-desk": ""})

    assert positions_in(token, SERVICES) == {"contacts": "aB_-9=", "service-desk": ""}


def test_there_is_no_next_page_when_nobody_has_more():
    assert token_of({}, {"contacts": ""}) == ""


@pytest.mark.parametrize("token", ["x", "sales.", "contacts.a~contacts.b", "contacts.ä", "~"])
def test_a_token_of_another_list_is_refused(token):
    with pytest.raises(Invalid):
        positions_in(token, SERVICES)


@given(
    st.dictionaries(
        st.sampled_from("abc"), st.lists(st.tuples(st.integers(0, 50), st.text(max_size=3)))
    ),
    st.integers(1, 20),
)
def test_as_many_are_shown_as_fit_and_the_newest_of_all(rows, size):
    found = shares(rows, size)

    newest = sorted((row for some in rows.values() for row in some), reverse=True)[:size]
    shown = [row for name, some in rows.items() for row in sorted(some)[::-1][: found[name]]]
    assert sorted(shown, reverse=True) == newest
