"""An answer that lacks something says so, in time; without the customer itself there is none."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import pytest
from contract.whole import view_of
from faults.clients import insisting
from faults.processes import assert_all_is_up, dying, frozen

from crm_chassis.testing.suite import Answer
from crm_chassis.testing.waiting import wait_until

# How long a view takes at most in which somebody is missing, on a machine with nothing else to do.
IN_TIME = 1.5
OF_ANALYTICS = {"insights", "timeline"}
OUTAGES = [pytest.param(frozen, id="frozen"), pytest.param(dying, id="dying")]
Timed = list[tuple[Any, float]]


@pytest.fixture
def customer(suite, word) -> str:
    """A contact with an interaction, of whom all is known everywhere."""
    client = insisting(suite)
    contact = client.create("/v1/contacts", {"givenName": word})
    said = {"channel": "CHAT", "direction": "INBOUND", "subject": word}
    client.create(f"/v1/{contact['name']}/interactions", said)
    wait_until(lambda: len(client.get(f"{contact['name']}:timeline")["entries"]) == 2)
    return str(contact["name"])


@pytest.fixture
def usual(suite, customer) -> float:
    """How many seconds a whole view takes while the machine is as busy as it is."""
    client = suite.client()
    return median(seconds for _, seconds in timed(lambda: view_of(client, customer), 5))


@pytest.mark.parametrize("outage", OUTAGES)
def test_without_analytics_a_view_says_in_time_what_is_missing(
    suite, customer, usual, outage, scale
):
    client = suite.client()
    full = view_of(client, customer)

    def view() -> Answer:
        return client.get(f"/v1/{customer}:customerView")

    with outage(suite, "analytics/api"):
        wait_until(lambda: is_partial(view()))
        answers = timed(view, int(8 * scale))
        wait_until(lambda: missing(view()) == OF_ANALYTICS, what="a view without analytics alone")

    assert full["complete"]
    for answer, _ in answers:
        # On a busy machine others may be late as well.
        if answer.status == 503:
            assert_is_a_problem_of_the_moment(answer)
        else:
            assert_is_honest(answer, full)
            assert missing(answer) >= OF_ANALYTICS
            assert answer.headers["cache-control"] == "no-store"
    assert median(seconds for _, seconds in answers) < IN_TIME + usual
    assert view_of(client, customer)["complete"]
    assert_all_is_up(suite)


def is_partial(answer: Answer) -> bool:
    return answer.status == 200 and answer.body["complete"] is False


def missing(answer: Answer) -> set[str]:
    """The sections of which nothing is told."""
    sections = answer.body["sections"] if answer.status == 200 else {}
    return {name for name, section in sections.items() if section["status"] == "omitted"}


def assert_is_honest(answer: Answer, full: Any) -> None:
    """What is told is as it is in the full view; what is not says why."""
    view = answer.ok()
    assert view["complete"] is False
    assert view["sections"].keys() == full["sections"].keys()
    for name, section in view["sections"].items():
        if section["status"] == "omitted":
            assert section.keys() == {"status", "reason"}
            assert section["reason"] in {"TIMEOUT", "UNAVAILABLE"}
        else:
            assert section["data"] == full["sections"][name]["data"]


@pytest.mark.parametrize("outage", OUTAGES)
def test_without_contacts_there_is_no_view_and_the_gateway_is_not_ready(
    suite, customer, usual, outage, scale
):
    client = suite.client()

    def found() -> Any:
        return client.get("/v1/search", query="ann").ok()["unavailable"]

    with outage(suite, "contacts/api"):
        wait_until(lambda: client.get("/readyz").status == 503)
        answers = timed(lambda: client.get(f"/v1/{customer}:customerView"), int(4 * scale))
        readiness, liveness = client.get("/readyz"), client.get("/healthz")
        wait_until(lambda: found() == ["contacts"], what="a search without contacts alone")

    for answer, _ in answers:
        assert_is_a_problem_of_the_moment(answer)
    assert median(seconds for _, seconds in answers) < IN_TIME + usual
    assert readiness.status == 503
    assert readiness.body["dependencies"]["contacts"] == {"ready": False, "needed": True}
    assert liveness.status == 200
    wait_until(lambda: client.get("/readyz").status == 200)
    assert view_of(client, customer)["complete"]
    assert_all_is_up(suite)


def assert_is_a_problem_of_the_moment(answer: Answer) -> None:
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.body["reason"] == "UNAVAILABLE"


def test_a_ledger_without_one_of_its_sources_does_not_claim_that_nothing_is_missing(
    suite, evidence, customer
):
    wait_until(lambda: not evidence.unarchived())

    def of_contacts(ledger: Any) -> Any:
        return next(one for one in ledger["sources"] if one["source"] == "contacts")

    with dying(suite, "contacts/api"):
        ledger = wait_until(lambda: of_contacts(told := evidence.ledger())["unavailable"] and told)

    contacts = of_contacts(ledger)
    assert contacts["unavailable"] == "UNAVAILABLE"
    assert contacts["difference"] == contacts["archived"] == 2
    assert ledger["difference"] >= 2
    assert_all_is_up(suite)
    wait_until(evidence.ledger_of_all)


def timed(ask: Callable[[], Any], times: int) -> Timed:
    """The answers to the same question, with how long each took."""
    answers = []
    for _ in range(times):
        begin = time.monotonic()
        answer = ask()
        answers.append((answer, time.monotonic() - begin))
    return answers
