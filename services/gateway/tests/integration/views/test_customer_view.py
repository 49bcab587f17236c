"""The customer view: everything in one answer, and honest about what is missing."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_chassis.kernel.errors import Flaw, Forbidden, Invalid, NotFound, TooMany
from crm_chassis.kernel.ids import new_id
from crm_chassis.rpc.breaker import State
from crm_gateway.metrics import VIEW_RESPONSES, VIEW_SECTIONS
from crm_gateway.views import customer_view

CUSTOMER = f"contacts/{new_id()}"
VIEW = f"/v1/{CUSTOMER}:customerView"
AS_OF = "2026-05-28T20:26:40.000Z"

LAST_KNOWN = '{"deals":[{"name":"deals/1"}],"totalSize":1}'


@pytest.fixture
def hurry(monkeypatch):
    """Lets nobody be waited for long; gives in how many seconds even a busy machine answers."""
    for name in ("PATIENCE", "REBUILDING"):
        monkeypatch.setattr(customer_view, name, 1.5)
    return 30.0


@pytest.fixture
def known(suite):
    suite.contacts.sections = {
        "profile": '{"name":"contacts/1"}',
        "relationships": '{"organizations":[],"contacts":[]}',
        "consents": '{"consents":[]}',
        "interactions": '{"interactions":[],"totalSize":0}',
    }
    suite.sales.sections = {"deals": '{"deals":[],"totalSize":0}'}
    suite.analytics.sections = {
        "deals": LAST_KNOWN,
        "insights": '{"interactionCount":0}',
        "timeline": '{"entries":[],"nextPageToken":""}',
    }
    return suite


def test_all_sections_whose_service_is_there_are_in_one_answer(known):
    answer = known.get(VIEW)

    assert answer.status_code == 200
    view = answer.get_json()
    assert (view["customer"], view["complete"]) == (CUSTOMER, True)
    assert list(view["sections"]) == [
        "profile",
        "relationships",
        "consents",
        "interactions",
        "deals",
        "insights",
        "timeline",
    ]
    profile = {"status": "ok", "asOf": AS_OF, "data": {"name": "contacts/1"}}
    assert view["sections"]["profile"] == profile
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Request-Id"]


def test_an_owner_s_json_stands_in_the_answer_as_it_gave_it(known):
    data = '{"z":1, "a":"\\u00e9","n":1.50}'
    known.contacts.sections["profile"] = data

    answer = known.get(VIEW, sections="profile")

    assert f'"data":{data}' in answer.text


def test_an_organization_has_a_view_too(known):
    name = f"organizations/{new_id()}"

    view = known.get(f"/v1/{name}:customerView").get_json()

    assert view["customer"] == name
    assert {request.customer for request in known.analytics.asked} == {name}


def test_services_are_asked_in_the_name_of_the_caller(known):
    known.get(VIEW)

    assert [caller.name for caller in known.contacts.callers] == [known.caller.name]
    assert [caller.name for caller in known.analytics.callers] == [known.caller.name]


def test_only_the_sections_asked_for_are_there_and_only_their_owners_are_asked(known):
    view = known.get(VIEW, sections="interactions, profile").get_json()

    assert list(view["sections"]) == ["interactions", "profile"]
    assert list(known.contacts.asked[0].sections) == ["interactions", "profile"]
    assert known.analytics.asked == []


def test_who_owns_the_customer_is_asked_even_for_none_of_its_sections(known):
    view = known.get(VIEW, sections="timeline").get_json()

    assert list(view["sections"]) == ["timeline"]
    assert len(known.contacts.asked) == 1


def test_an_unknown_section_is_refused_by_name(known):
    answer = known.get(VIEW, sections="profile,weather")

    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    [error] = answer.get_json()["errors"]
    assert (error["field"], error["in"], error["reason"]) == (
        "sections",
        "query",
        "UNKNOWN_SECTION",
    )
    assert "weather" in error["description"]


@pytest.mark.parametrize(
    ("query", "field", "reason"),
    [
        ({"section": "profile"}, "section", "UNKNOWN_PARAMETER"),
        ({"readTime": "yesterday"}, "readTime", "MALFORMED_VALUE"),
        ({"sections": ""}, "sections", "UNKNOWN_SECTION"),
    ],
)
def test_a_query_that_is_not_in_the_document_is_refused(known, query, field, reason):
    answer = known.get(VIEW, **query)

    assert answer.status_code == 400
    errors = [
        (error["field"], error["in"], error["reason"]) for error in answer.get_json()["errors"]
    ]
    assert errors == [(field, "query", reason)]


def test_a_moment_and_the_wish_to_see_what_is_deleted_are_handed_on(known):
    view = known.get(VIEW, readTime="2026-05-03T12:00:00Z", showDeleted="true").get_json()

    assert view["readTime"] == "2026-05-03T12:00:00.000Z"
    for owner in (known.contacts, known.analytics):
        assert owner.asked[0].show_deleted
        assert owner.asked[0].read_time.ToJsonString() == "2026-05-03T12:00:00Z"


def test_a_section_that_tells_no_moment_speaks_of_the_view_s(known):
    known.analytics.as_of = None

    view = known.get(VIEW, readTime="2026-05-03T12:00:00Z").get_json()

    assert view["sections"]["timeline"]["asOf"] == "2026-05-03T12:00:00.000Z"


def test_what_the_owner_of_the_customer_refuses_is_refused_in_the_words_of_the_route(known):
    known.contacts.refusal = Invalid("No.", Flaw("read_time", "IN_THE_FUTURE", "lies ahead"))

    answer = known.get(VIEW, readTime="2999-05-03T12:00:00Z")

    assert answer.status_code == 400
    [error] = answer.get_json()["errors"]
    assert (error["field"], error["in"], error["reason"]) == ("readTime", "query", "IN_THE_FUTURE")


@pytest.mark.parametrize(
    ("refusal", "status", "reason"),
    [
        (NotFound("There is none."), 404, "NOT_FOUND"),
        (Forbidden("You may not."), 403, "PERMISSION_DENIED"),
    ],
)
def test_there_is_no_view_without_the_customer(known, refusal, status, reason):
    known.contacts.refusal = refusal

    answer = known.get(VIEW)

    assert answer.status_code == status
    assert answer.get_json()["reason"] == reason


def test_an_id_that_is_none_is_refused(known):
    answer = known.get("/v1/contacts/nobody:customerView")

    assert answer.status_code == 400
    [error] = answer.get_json()["errors"]
    assert (error["field"], error["in"]) == ("contact", "path")


def test_without_the_service_of_the_customer_there_is_a_503_that_says_when_to_come_again(known):
    known.served["contacts"].server.stop(0)

    answer = known.get(VIEW)

    assert answer.status_code == 503
    assert answer.get_json()["reason"] == "UNAVAILABLE"
    assert int(answer.headers["Retry-After"]) >= 1


def test_no_view_takes_longer_than_a_second_and_a_half():
    assert customer_view.PATIENCE + customer_view.REBUILDING < 1.5


def test_a_frozen_service_of_the_customer_is_given_up_in_time(known, hurry):
    known.contacts.is_frozen = True

    began = time.monotonic()
    answer = known.get(VIEW)

    assert answer.status_code == 503
    assert time.monotonic() - began < hurry


def test_a_section_whose_owner_is_down_is_omitted_and_the_answer_is_not_kept(known):
    known.served["analytics"].server.stop(0)

    answer = known.get(VIEW)

    view = answer.get_json()
    assert view["complete"] is False
    assert view["sections"]["timeline"] == {"status": "omitted", "reason": "UNAVAILABLE"}
    assert view["sections"]["insights"] == {"status": "omitted", "reason": "UNAVAILABLE"}
    assert view["sections"]["profile"]["status"] == "ok"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_frozen_owner_is_given_up_in_time(known, hurry):
    known.analytics.is_frozen = True

    began = time.monotonic()
    view = known.get(VIEW).get_json()

    assert time.monotonic() - began < hurry
    assert view["sections"]["timeline"] == {"status": "omitted", "reason": "TIMEOUT"}
    assert view["sections"]["profile"]["status"] == "ok"


@pytest.mark.parametrize(
    ("is_frozen", "reason"), [(True, "TIMEOUT"), (False, "UNAVAILABLE")], ids=["frozen", "down"]
)
def test_a_section_whose_owner_gives_no_answer_is_the_last_known_one(
    known, hurry, is_frozen, reason
):
    known.sales.is_frozen = is_frozen
    if not is_frozen:
        known.served["sales"].server.stop(0)

    began = time.monotonic()
    answer = known.get(VIEW, readTime="2026-05-03T12:00:00Z")

    view = answer.get_json()
    assert time.monotonic() - began < hurry
    assert view["complete"] is False
    assert view["sections"]["deals"] == {
        "status": "degraded",
        "reason": reason,
        "asOf": AS_OF,
        "data": json.loads(LAST_KNOWN),
    }
    assert view["sections"]["insights"]["status"] == "ok"
    assert answer.headers["Cache-Control"] == "no-store"
    again = known.analytics.asked[-1]
    assert (list(again.sections), again.customer) == (["deals"], CUSTOMER)
    assert again.read_time.ToJsonString() == "2026-05-03T12:00:00Z"


def test_a_section_that_nobody_can_tell_is_omitted_in_time(known, hurry):
    known.sales.is_frozen = known.analytics.is_frozen = True

    began = time.monotonic()
    view = known.get(VIEW).get_json()

    assert time.monotonic() - began < hurry
    assert view["sections"]["deals"] == {"status": "omitted", "reason": "TIMEOUT"}
    assert view["sections"]["profile"]["status"] == "ok"


def test_what_the_caller_may_not_see_is_not_looked_for_elsewhere(known):
    known.sales.denied = {"deals"}

    view = known.get(VIEW).get_json()

    assert view["sections"]["deals"] == {"status": "omitted", "reason": "DENIED"}
    assert len(known.analytics.asked) == 1


def test_a_degraded_section_is_counted_as_that(known):
    known.served["sales"].server.stop(0)
    before = _count(VIEW_SECTIONS, "contact", "deals", "degraded", "unavailable")

    known.get(VIEW)

    assert _count(VIEW_SECTIONS, "contact", "deals", "degraded", "unavailable") == before + 1


def test_many_who_look_at_once_are_answered_in_time_whoever_is_frozen(known, hurry):
    known.analytics.is_frozen = True

    def look(_):
        began = time.monotonic()
        return known.get(VIEW).status_code, time.monotonic() - began

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(look, range(8)))

    assert {status for status, _ in answers} == {200}
    assert max(seconds for _, seconds in answers) < hurry


def test_a_dead_owner_costs_nothing_once_its_breaker_is_open(known, hurry, monkeypatch):
    monkeypatch.setattr("crm_chassis.rpc.breaker.SHORTEST_PAUSE", hurry)
    known.analytics.is_frozen = True
    breaker = known.peers.breaker("analytics")
    for _ in range(5):
        known.get(VIEW, sections="timeline")
    assert breaker.state is State.OPEN
    asked = len(known.analytics.asked)

    view = known.get(VIEW).get_json()

    assert len(known.analytics.asked) == asked == 5
    assert view["sections"]["timeline"] == {"status": "omitted", "reason": "UNAVAILABLE"}


def test_what_the_caller_may_not_see_is_omitted_and_told_apart_from_a_failure(known):
    known.contacts.denied = {"consents"}
    full = _count(VIEW_RESPONSES, "contact", "full")

    view = known.get(VIEW).get_json()

    assert view["sections"]["consents"] == {"status": "omitted", "reason": "DENIED"}
    assert view["complete"] is False
    assert _count(VIEW_RESPONSES, "contact", "full") == full + 1


def test_an_owner_that_lets_the_caller_see_nothing_is_denied_as_a_whole(known):
    known.analytics.refusal = Forbidden("You may not.")

    view = known.get(VIEW).get_json()

    assert view["sections"]["insights"] == {"status": "omitted", "reason": "DENIED"}


def test_an_overloaded_owner_is_missing_and_not_the_caller_s_fault(known):
    known.analytics.refusal = TooMany("Too much to do.")

    view = known.get(VIEW).get_json()

    assert view["sections"]["insights"] == {"status": "omitted", "reason": "UNAVAILABLE"}


def test_a_section_whose_service_is_not_there_at_all_is_told_when_it_is_asked_for(known):
    view = known.get(VIEW, sections="profile,cases").get_json()

    assert view["sections"]["cases"] == {"status": "omitted", "reason": "UNAVAILABLE"}
    assert view["complete"] is False


def test_views_and_their_sections_are_counted(known):
    known.served["analytics"].server.stop(0)
    partial = _count(VIEW_RESPONSES, "contact", "partial")
    ok = _count(VIEW_SECTIONS, "contact", "profile", "ok", "")
    omitted = _count(VIEW_SECTIONS, "contact", "timeline", "omitted", "unavailable")

    known.get(VIEW)

    assert _count(VIEW_RESPONSES, "contact", "partial") == partial + 1
    assert _count(VIEW_SECTIONS, "contact", "profile", "ok", "") == ok + 1
    assert _count(VIEW_SECTIONS, "contact", "timeline", "omitted", "unavailable") == omitted + 1


def test_the_document_describes_both_views(known):
    document = json.loads(known.get("/v1/openapi.json").data)

    operation = document["paths"]["/v1/contacts/{contact}:customerView"]["get"]
    assert operation["x-permission"] == {"collection": "contacts", "action": "READ"}
    assert [parameter["name"] for parameter in operation["parameters"]] == [
        "contact",
        "sections",
        "readTime",
        "showDeleted",
    ]
    assert "/v1/organizations/{organization}:customerView" in document["paths"]
    assert "CustomerViewSection" in document["components"]["schemas"]


def _count(counter, *labels):
    return counter.labels(*labels)._value.get()
