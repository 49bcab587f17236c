"""REST over the gateway's own RPCs: everything that the contract promises of one resource."""

from functools import partial
from io import BytesIO

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from crm_chassis.telemetry.metrics import HTTP_REQUESTS

JSON = "application/json"
PROBLEM = "application/problem+json"


@pytest.fixture
def team(own):
    return own.post("/v1/teams", json={"displayName": "Sales"}).get_json()


def reasons(answer):
    return [(one["field"], one["in"], one["reason"]) for one in answer.get_json()["errors"]]


def test_a_resource_is_made_read_changed_listed_deleted_and_brought_back(own):
    made = own.post("/v1/teams", json={"displayName": "Sales"})
    path = f"/v1/{made.get_json()['name']}"

    read = own.get(path)
    tag = {"If-Match": read.headers["ETag"]}
    changed = own.patch(path, json={"displayName": "Sales North"}, headers=tag)
    stale = own.patch(path, json={"displayName": "X"}, headers=tag)
    listed = own.get("/v1/teams", query_string={"filter": 'displayName = "Sales North"'})
    gone = own.delete(path, headers={"If-Match": changed.headers["ETag"]})
    missing = own.get(path)
    back = own.post(f"{path}:undelete")
    history = own.get(f"{path}:history")

    assert read.get_json() == made.get_json()
    assert read.headers["ETag"] == read.get_json()["etag"] == '"1"'
    assert changed.get_json()["displayName"] == "Sales North"
    assert (stale.status_code, stale.get_json()["reason"]) == (412, "STALE")
    assert [one["name"] for one in listed.get_json()["teams"]] == [made.get_json()["name"]]
    assert gone.get_json()["deleteTime"]
    assert missing.status_code == 404
    assert "deleteTime" not in back.get_json()
    assert len(history.get_json()["changes"]) == 4


def test_a_version_that_the_caller_has_is_not_sent_again(own, team):
    answer = own.get(f"/v1/{team['name']}", headers={"If-None-Match": '"0", W/"1"'})

    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == team["etag"]


def test_a_key_makes_repeating_safe(own):
    def make(name, key):
        return own.post("/v1/teams", json={"displayName": name}, headers={"Idempotency-Key": key})

    first, again, quoted = make("A", "k-1"), make("A", "k-1"), make("A", '"k-1"')
    other = make("B", "k-1")

    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == quoted.headers["Idempotent-Replayed"] == "true"
    assert first.get_json() == again.get_json() == quoted.get_json()
    assert (other.status_code, other.get_json()["reason"]) == (422, "IDEMPOTENCY_KEY_REUSED")


@pytest.mark.parametrize("key", ["", " ", "ä", "a b", "x" * 256, '""', '"a'])
def test_a_key_that_is_none_is_refused(own, key):
    answer = own.post("/v1/teams", json={"displayName": "A"}, headers={"Idempotency-Key": key})

    assert answer.status_code == 400
    assert reasons(answer) == [("Idempotency-Key", "header", "MALFORMED_VALUE")]


def test_what_breaks_a_rule_is_told_in_the_words_of_the_document(own):
    answer = own.post("/v1/teams", json={"displayName": "", "parent": "nobody"})

    assert (answer.status_code, answer.get_json()["reason"]) == (400, "INVALID_FIELDS")
    assert {one[:2] for one in reasons(answer)} == {("displayName", "body"), ("parent", "body")}


def test_a_reference_that_leads_nowhere_is_told_where_it_stands(own):
    nowhere = "teams/0190b0c4-0000-7000-8000-000000000001"

    answer = own.post("/v1/teams", json={"displayName": "A", "parent": nowhere})

    assert answer.status_code == 400
    assert reasons(answer) == [("parent", "body", "REFERENCE_NOT_FOUND")]


@pytest.mark.parametrize(
    ("request_line", "sent", "status", "reason"),
    [
        ("GET /v1/teams/not-a-uuid", {}, 400, "INVALID_FIELDS"),
        ("GET /v1/teams/0190b0c4-0000-7000-8000-000000000001", {}, 404, "NOT_FOUND"),
        ("GET /v1/teams?pageSize=1001", {}, 400, "INVALID_FIELDS"),
        ("GET /v1/teams?pageSize=-1", {}, 400, "INVALID_FIELDS"),
        ("GET /v1/teams?pageSize=x", {}, 400, "MALFORMED_REQUEST"),
        ("GET /v1/teams?nope=1", {}, 400, "MALFORMED_REQUEST"),
        ("GET /v1/teams?readTime=2999-01-01T00:00:00Z", {}, 400, "INVALID_FIELDS"),
        ("GET /v1/teams?readTime=then", {}, 400, "MALFORMED_REQUEST"),
        ("GET /v1/nothing", {}, 404, "NOT_FOUND"),
        ("GET /v1/teams/", {}, 404, "NOT_FOUND"),
        ("GET /v1//teams", {}, 404, "NOT_FOUND"),
        ("GET /v1/teams/a%2Fb", {}, 404, "NOT_FOUND"),
        ("GET /v1/teams/%00", {}, 400, "INVALID_FIELDS"),
        ("GET /v1/teams/%ff", {}, 400, "INVALID_FIELDS"),
        (
            "GET /v1/operations/elsewhere.0190b0c4-0000-7000-8000-000000000001",
            {},
            404,
            "NOT_FOUND",
        ),
        ("GET /v1/operations/x", {}, 404, "NOT_FOUND"),
        ("GET /v1/services/elsewhere/deadLetters", {}, 404, "NOT_FOUND"),
        ("PUT /v1/teams", {}, 405, "METHOD_NOT_ALLOWED"),
        ("POST /v1/teams", {"data": "a=b"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST /v1/teams", {"data": "{", "content_type": JSON}, 400, "MALFORMED_REQUEST"),
        ("POST /v1/teams", {"content_type": JSON}, 400, "MALFORMED_REQUEST"),
        ("POST /v1/teams", {"json": []}, 400, "MALFORMED_REQUEST"),
        ("POST /v1/teams", {"json": {"displayName": None}}, 400, "MALFORMED_REQUEST"),
        ("POST /v1/teams", {"json": {"display_name": "A"}}, 400, "MALFORMED_REQUEST"),
        ("POST /v1/teams", {"json": {"createTime": "x"}}, 400, "MALFORMED_REQUEST"),
        ("POST /v1/teams", {"json": {"displayName": "x" * 256}}, 400, "INVALID_FIELDS"),
        ("POST /v1/teams", {"data": b" " * 1048577, "content_type": JSON}, 413, "TOO_LARGE"),
    ],
)
def test_a_bad_request_is_a_problem(own, request_line, sent, status, reason):
    verb, path = request_line.split()

    answer = own.open(path, method=verb, **sent)

    assert (answer.status_code, answer.get_json()["reason"]) == (status, reason)
    assert answer.content_type == PROBLEM
    assert answer.get_json()["instance"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413), (1_000_000, 413)])
def test_a_body_of_untold_length_is_not_larger_either(own, more, status):
    body = b'{"displayName": "A"}'.ljust(1_048_576 + more)

    answer = own.post(
        "/v1/teams",
        input_stream=BytesIO(body),
        content_type=JSON,
        environ_overrides={"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    )

    assert answer.status_code == status


def test_a_change_needs_the_tag_of_a_version(own, team):
    for answer in (
        own.patch(f"/v1/{team['name']}", json={"displayName": "B"}),
        own.delete(f"/v1/{team['name']}"),
    ):
        assert (answer.status_code, answer.get_json()["reason"]) == (428, "MISSING_PRECONDITION")


def test_a_verb_heeds_a_tag_that_is_given(own, team):
    gone = own.delete(f"/v1/{team['name']}", headers={"If-Match": team["etag"]})

    stale = own.post(f"/v1/{team['name']}:undelete", headers={"If-Match": team["etag"]})
    back = own.post(f"/v1/{team['name']}:undelete", headers={"If-Match": gone.headers["ETag"]})

    assert (stale.status_code, back.status_code) == (412, 200)


def test_a_path_tells_its_verbs(own, team):
    wrong = own.post(f"/v1/{team['name']}", json={})
    asked = own.options(f"/v1/{team['name']}")

    assert wrong.status_code == 405
    assert set(wrong.headers["Allow"].split(", ")) >= {"GET", "PATCH", "DELETE"}
    assert asked.status_code == 204
    assert set(asked.headers["Allow"].split(", ")) >= {"GET", "PATCH", "DELETE"}


def test_head_answers_what_get_would_without_a_body(own, team):
    answer = own.head(f"/v1/{team['name']}")

    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["ETag"] == team["etag"]


def test_a_user_without_a_state_is_not_shown_one_it_has_not(own):
    made = own.post("/v1/users", json={"displayName": "Ann", "email": "ann@example.com"})

    assert made.get_json()["state"] == "ACTIVE"
    assert "deleteTime" not in made.get_json()
    assert made.get_json()["createTime"].endswith("Z")
    assert len(made.get_json()["createTime"]) == len("2026-05-03T12:00:00.000Z")


def test_the_secret_of_a_key_is_absent_and_not_empty(own):
    user = own.post("/v1/users", json={"displayName": "Ann", "email": "a@example.com"}).get_json()

    made = own.post("/v1/apiKeys", json={"user": user["name"], "displayName": "Program"})
    read = own.get(f"/v1/{made.get_json()['name']}")

    assert made.get_json()["secret"].startswith("crm_live_")
    assert "secret" not in read.get_json()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/roles",
        "/v1/roles/administrator",
        "/v1/roles/nobody",
        "/v1/roles/administrator:history?pageSize=1",
        "/v1/roles?nope=1",
        "/v1/operations/x",
    ],
)
def test_the_short_way_and_the_way_through_flask_answer_the_same(own, path):
    app = own.application
    environ = EnvironBuilder(path=path).get_environ()
    assert app._index.find("GET", environ["PATH_INFO"]), "this path goes the short way"

    short, long = (
        run_wsgi_app(app, dict(environ)),
        run_wsgi_app(partial(Flask.wsgi_app, app), dict(environ)),
    )

    assert comparable(*short) == comparable(*long)


def comparable(body, status, headers):
    """An answer without what differs from one request to the next."""
    kept = {name: value for name, value in headers if name not in ("X-Request-Id", "traceparent")}
    return status, kept, b"".join(body).split(b'"instance"')[0]


def test_methods_that_nobody_knows_are_counted_as_one(own):
    def counted():
        samples = [sample for metric in HTTP_REQUESTS.collect() for sample in metric.samples]
        labels = {"route": "unmatched", "method": "other", "status": "4xx"}
        [count] = [
            sample.value
            for sample in samples
            if sample.name == "crm_http_requests_total" and sample.labels == labels
        ]
        return count, {sample.labels["method"] for sample in samples}

    before, methods = counted()
    answers = [own.open("/v1/teams", method=verb) for verb in ("CONJURE", "BREW")]

    assert [answer.status_code for answer in answers] == [405, 405]
    assert counted() == (before + 2, methods)
