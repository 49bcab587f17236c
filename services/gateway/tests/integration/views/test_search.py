"""The search over all services: one order, nothing missed or repeated, honest about who is away."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_chassis.kernel.errors import Flaw, Forbidden, Invalid


def test_what_all_services_find_is_one_list_by_display_name(suite):
    suite.contacts.found = ["a", "d"]
    suite.analytics.found = ["b", "c"]

    answer = suite.get("/v1/search", query="x")

    assert answer.status_code == 200
    found = answer.get_json()
    assert [result["displayName"] for result in found["results"]] == ["a", "b", "c", "d"]
    assert found["results"][0] == {
        "name": "things/a",
        "type": "crm/Thing",
        "displayName": "a",
        "snippet": "",
    }
    assert (found["nextPageToken"], found["unavailable"]) == ("", [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    contacts=st.sets(st.text("abc", min_size=1, max_size=3), max_size=8),
    analytics=st.sets(st.text("abc", min_size=1, max_size=3), max_size=8),
    size=st.integers(1, 5),
)
def test_pages_are_full_and_miss_and_repeat_nothing(suite, contacts, analytics, size):
    suite.contacts.found, suite.analytics.found = list(contacts), list(analytics)

    pages = list(_pages(suite, pageSize=size))

    found = [result["displayName"] for page in pages for result in page["results"]]
    assert found == sorted([*contacts, *analytics])
    assert all(len(page["results"]) == size for page in pages[:-1])


def test_a_service_that_is_away_is_named_and_asked_again_on_the_next_page(suite, monkeypatch):
    suite.contacts.found = ["a", "c", "e"]
    suite.analytics.found = ["b"]
    suite.analytics.is_frozen = True
    with monkeypatch.context() as hurry:
        hurry.setattr("crm_gateway.views.search.PATIENCE", 1.5)
        first = suite.get("/v1/search", query="x", pageSize=2)
    suite.analytics.is_frozen = False

    second = suite.get(
        "/v1/search", query="x", pageSize=2, pageToken=first.get_json()["nextPageToken"]
    ).get_json()

    assert first.get_json()["unavailable"] == ["analytics"]
    assert first.headers["Cache-Control"] == "no-store"
    assert [result["displayName"] for result in second["results"]] == ["b", "e"]
    assert (second["nextPageToken"], second["unavailable"]) == ("", [])


def test_without_any_service_nothing_is_found_and_that_is_told(suite):
    for served in suite.served.values():
        served.server.stop(0)

    found = suite.get("/v1/search", query="x").get_json()

    assert found == {"results": [], "nextPageToken": "", "unavailable": sorted(suite.served)}


@pytest.mark.parametrize(
    "token", ["nonsense", "contacts.a~contacts.b", "weather.a", "contacts.a~", "contacts.ü"]
)
def test_a_token_that_is_none_of_ours_is_refused(suite, token):
    answer = suite.get("/v1/search", query="x", pageToken=token)

    assert answer.status_code == 400
    [error] = answer.get_json()["errors"]
    assert (error["field"], error["in"], error["reason"]) == (
        "pageToken",
        "query",
        "INVALID_PAGE_TOKEN",
    )


def test_what_a_service_refuses_is_refused_in_the_words_of_the_route(suite):
    suite.contacts.refusal = Invalid("No.", Flaw("page_token", "PAGE_TOKEN_OF_ANOTHER_LIST", "no"))

    answer = suite.get("/v1/search", query="x", pageToken="contacts.a")

    assert answer.status_code == 400
    [error] = answer.get_json()["errors"]
    assert (error["field"], error["in"]) == ("pageToken", "query")


def test_who_may_not_search_is_told_so(suite):
    suite.contacts.refusal = suite.analytics.refusal = Forbidden("You may not.")

    assert suite.get("/v1/search", query="x").status_code == 403


@pytest.mark.parametrize("query", [{}, {"query": ""}, {"query": "x", "pageSize": 1001}])
def test_a_search_for_nothing_or_for_too_much_is_refused(suite, query):
    answer = suite.get("/v1/search", **query)

    assert answer.status_code == 400
    assert {error["in"] for error in answer.get_json()["errors"]} == {"query"}


def test_the_document_describes_the_search(suite):
    document = json.loads(suite.get("/v1/openapi.json").data)

    operation = document["paths"]["/v1/search"]["get"]
    assert [parameter["name"] for parameter in operation["parameters"]] == [
        "query",
        "pageSize",
        "pageToken",
        "showDeleted",
    ]
    assert operation["operationId"] == "search"


def _pages(suite, **query):
    token = ""
    while True:
        page = suite.get("/v1/search", query="x", pageToken=token, **query).get_json()
        yield page
        token = page["nextPageToken"]
        if not token:
            return
