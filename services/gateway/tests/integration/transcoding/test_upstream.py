"""What is behind the gateway may be slow, away or wrong: a caller is told which."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from crm_chassis.kernel.errors import NotAllowed, TooMany
from crm_chassis.rpc.server import CONCURRENT_RPCS
from crm_chassis.testing.waiting import PATIENCE, wait_until
from crm_gateway.transcoding import upstream
from crm_gateway.transcoding.problems import MEDIA_TYPE
from crm_gateway.transcoding.upstream import EDGE_SECONDS

CONTACT = "/v1/contacts/0190b0c4-0000-7000-8000-000000000001"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def test_ids_and_the_deadline_travel_with_a_request(edge):
    answer = edge.client.get(CONTACT, headers={"X-Request-Id": "req-1", "traceparent": TRACE})

    told = edge.contacts.told[0]
    assert told["x-request-id"] == answer.headers["X-Request-Id"] == "req-1"
    assert told["traceparent"].split("-")[1] == TRACE.split("-")[1]
    assert answer.headers["traceparent"].split("-")[1] == TRACE.split("-")[1]
    # gRPC rounds a deadline up.
    assert 0 < edge.contacts.deadlines[0] < EDGE_SECONDS + 0.1


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 129, "<script>"])
def test_an_id_that_is_none_is_replaced(edge, request_id):
    answer = edge.client.get(CONTACT, headers={"X-Request-Id": request_id, "traceparent": "no"})

    assert len(answer.headers["X-Request-Id"]) == 36
    assert answer.headers["traceparent"].startswith("00-")


def test_the_tag_travels_in_the_resource_and_nulls_in_the_mask(edge):
    edge.client.patch(CONTACT, json={"givenName": "B", "tags": None}, headers={"If-Match": '"7"'})

    asked = edge.contacts.asked[0]
    assert (asked.contact.etag, asked.contact.given_name) == ('"7"', "B")
    assert list(asked.update_mask.paths) == ["given_name", "tags"]


def test_a_refusal_is_passed_on_with_its_reason(edge):
    edge.contacts.refusal = NotAllowed("It is merged.", reason="MERGED")

    answer = edge.client.get(CONTACT)

    assert (answer.status_code, answer.get_json()["reason"]) == (422, "MERGED")


def test_a_service_that_has_too_much_to_do_is_asked_again_later(edge):
    edge.contacts.refusal = TooMany("Slower.", retry_after=7)

    answer = edge.client.get(CONTACT)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_a_service_that_is_away_is_a_503(edge):
    edge.stop_contacts()

    answer = edge.client.get(CONTACT)

    assert (answer.status_code, answer.get_json()["reason"]) == (503, "UNAVAILABLE")
    assert answer.headers["Retry-After"]
    assert "127.0.0.1" not in answer.get_data(as_text=True)


def test_a_service_that_is_too_slow_is_a_504(edge):
    edge.contacts.delay = EDGE_SECONDS + 0.5

    answer = edge.client.get(CONTACT)

    assert (answer.status_code, answer.get_json()["reason"]) == (504, "TIMEOUT")


def test_an_error_that_nobody_expected_shows_nothing_of_itself(edge):
    edge.contacts.refusal = KeyError("anna@example.com")

    answer = edge.client.get(CONTACT)

    assert answer.status_code == 500
    assert "anna" not in answer.get_data(as_text=True)


def test_readiness_lists_each_dependency_and_needs_some(edge):
    ready = edge.client.get("/readyz")
    edge.stop_contacts()
    away = edge.client.get("/readyz")

    assert (ready.status_code, away.status_code) == (200, 503)
    assert ready.get_json()["dependencies"]["contacts"] == {"ready": True, "needed": True}
    assert ready.get_json()["dependencies"]["sun"] == {"ready": False, "needed": False}
    assert away.get_json()["dependencies"]["contacts"] == {"ready": False, "needed": True}
    assert (away.content_type, away.get_json()["reason"]) == (MEDIA_TYPE, "NOT_READY")
    assert away.get_json()["instance"] == away.headers["X-Request-Id"]
    assert int(away.headers["Retry-After"]) > 0
    assert edge.client.get("/healthz").get_json() == {"status": "ok"}


def test_a_service_that_has_too_much_to_do_is_not_away(edge, monkeypatch):
    monkeypatch.setattr(upstream, "EDGE_SECONDS", PATIENCE)
    edge.contacts.is_held = True

    def ask() -> int:
        return edge.client.application.test_client().get(CONTACT).status_code

    with ThreadPoolExecutor(CONCURRENT_RPCS + 8) as pool:
        pending = [pool.submit(ask) for _ in range(CONCURRENT_RPCS + 8)]
        wait_until(lambda: any(one.done() for one in pending), what="a refusal")
        ready = edge.client.get("/readyz")
        edge.contacts.go_on.set()
        answers = {one.result() for one in pending}

    assert ready.status_code == 200
    assert {200, 429} <= answers
