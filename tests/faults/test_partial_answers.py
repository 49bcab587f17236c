"""An answer that lacks something says so, in time; without the customer itself there is none."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from faults.clients import insisting
from faults.processes import assert_all_is_up, dying, frozen

from crm_chassis.testing.suite import Answer, Client
from crm_chassis.testing.waiting import wait_until

IN_TIME = 1.5
OF_ANALYTICS = {"insights", "timeline"}
OUTAGES = [pytest.param(frozen, id="frozen"), pytest.param(dying, id="dying")]


@pytest.fixture
def customer(suite, word) -> str:
    """A contact with an interaction, of whom all is known everywhere."""
    client = insisting(suite)
    contact = client.create("/v1/contacts", {"givenName": word})
    said = {"channel": "CHAT", "direction": "INBOUND", "subject": word}
    client.create(f"/v1/{contact['name']}/interactions", said)
    wait_until(lambda: len(client.get(f"{contact['name']}:timeline")["entries"]) == 2)
    return str(contact["name"])


@pytest.mark.parametrize("outage", OUTAGES)
def test_without_analytics_a_view_says_in_time_what_is_missing(suite, customer, outage, scale):
    client = suite.client()
    whole = client.get(f"/v1/{customer}:customerView").ok()

    with outage(suite, "analytics/api"):
        wait_until(lambda: client.get(f"/v1/{customer}:customerView").ok()["complete"] is False)
        answers = timed(lambda: client.get(f"/v1/{customer}:customerView"), int(8 * scale))

    assert whole["complete"]
    for answer, seconds in answers:
        assert_only_analytics_is_missing(answer.ok(), whole)
        assert answer.headers["cache-control"] == "no-store"
        assert seconds < IN_TIME
    wait_until(lambda: client.get(f"/v1/{customer}:customerView").ok()["complete"], 25)
    assert_all_is_up(suite)


def assert_only_analytics_is_missing(view: Any, whole: Any) -> None:
    assert view["complete"] is False
    for name, section in view["sections"].items():
        if name in OF_ANALYTICS:
            assert section.keys() == {"status", "reason"}
            assert section["status"] == "omitted"
            assert section["reason"] in {"TIMEOUT", "UNAVAILABLE"}
        else:
            assert section["data"] == whole["sections"][name]["data"]
    assert view["sections"].keys() == whole["sections"].keys()


@pytest.mark.parametrize("outage", OUTAGES)
def test_without_contacts_there_is_no_view_and_the_gateway_is_not_ready(
    suite, customer, outage, scale
):
    client = suite.client()

    with outage(suite, "contacts/api"):
        wait_until(lambda: client.get("/readyz").status == 503)
        answers = timed(lambda: client.get(f"/v1/{customer}:customerView"), int(4 * scale))
        readiness, liveness = client.get("/readyz"), client.get("/healthz")
        found = client.get("/v1/search", query="ann")

    for answer, seconds in answers:
        assert_is_a_problem_of_the_moment(answer)
        assert seconds < IN_TIME
    assert readiness.status == 503
    assert readiness.body["dependencies"]["contacts"] == {"ready": False, "needed": True}
    assert liveness.status == 200
    assert found.ok()["unavailable"] == ["contacts"]
    assert_comes_back(client, customer)
    assert_all_is_up(suite)


def assert_is_a_problem_of_the_moment(answer: Answer) -> None:
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.body["reason"] == "UNAVAILABLE"


def assert_comes_back(client: Client, customer: str) -> None:
    wait_until(lambda: client.get("/readyz").status == 200, 20)

    def view() -> Any:
        answer = client.get(f"/v1/{customer}:customerView")
        return answer.status == 200 and answer.body["complete"]

    wait_until(view, 20)


def test_a_ledger_without_one_of_its_sources_does_not_claim_that_nothing_is_missing(
    suite, evidence, customer
):
    wait_until(lambda: not evidence.unarchived(), 20)

    with dying(suite, "contacts/api"):
        ledger = wait_until(lambda: (told := evidence.ledger())["difference"] and told)

    [contacts] = [one for one in ledger["sources"] if one["source"] == "contacts"]
    assert contacts["unavailable"] == "UNAVAILABLE"
    assert contacts["difference"] == contacts["archived"] == 2
    assert_all_is_up(suite)
    wait_until(evidence.ledger_of_all)


def timed(ask: Callable[[], Answer], times: int) -> list[tuple[Answer, float]]:
    """The answers to the same question, with how long each took."""
    answers = []
    for _ in range(times):
        begin = time.monotonic()
        answer = ask()
        answers.append((answer, time.monotonic() - begin))
    return answers
