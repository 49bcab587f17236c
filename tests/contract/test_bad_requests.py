"""Requests that are wrong before their fields are looked at: syntax, size, headers, paths."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from contract.examples import Made, make
from contract.mutations import of_message
from contract.problems import places, problem
from google.api import annotations_pb2

from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.kernel.ids import new_id
from crm_chassis.testing.protos import Declared, declared_rpcs

JSON = {"Content-Type": "application/json"}
MEBIBYTE = 1024 * 1024
VERBS = ("GET", "PUT", "POST", "PATCH", "DELETE")
# What a verb's body may have beside the name that is in the path.
EXAMPLES: dict[str, dict[str, Any]] = {
    "MoveOrganization": {
        "etag": '"1"',
        "parent": "organizations/0190b0c4-0000-7000-8000-00000000000a",
    },
    "AssignCase": {"etag": '"1"', "assignee": "users/0190b0c4-0000-7000-8000-00000000000a"},
    "ReplyToCase": {"etag": '"1"', "body": "Have you tried?"},
    "AddContacts": {"contacts": ["contacts/0190b0c4-0000-7000-8000-00000000000a"], "etag": '"1"'},
    "RemoveContacts": {"contacts": ["contacts/0190b0c4-0000-7000-8000-00000000000a"]},
    "ScheduleCampaign": {"scheduleTime": "2099-01-01T00:00:00Z", "etag": '"1"'},
    "UnsubscribeDelivery": {"token": "x", "validateOnly": True},
    "ReconcileLedger": {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-02T00:00:00Z"},
    "RepublishEvents": {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-01-02T00:00:00Z"},
}
UNREADABLE = (
    b"{",
    b"",
    b"{]",
    b"{'givenName': 'Ann'}",
    b'{"givenName": "Ann",}',
    b'{"givenName": "Ann"} x',
    b"givenName=Ann",
    b'{"givenName": NaN}',
    b'{"givenName": Infinity}',
    b'{"givenName": 1e400}',
    b'{"givenName": "\\ud800"}',
    b'{"givenName": "\xff"}',
    b'{"givenName": "a\nb"}',
    b'{"givenName": 01}',
    b"\xef\xbb\xbf{}",
    '{"givenName": "Ann"}'.encode("utf-16"),
    b"[" * 100_000,
)
TWINS = (
    (b'{"givenName": "Ann", "givenName": "Bob"}', "givenName"),
    (b'{"givenName": "Ann", "given\\u004eame": "Bob"}', "givenName"),
    (
        b'{"emails": [{"address": "a@example.com"}, {"kind": "WORK", "kind": "HOME"}]}',
        "emails[1].kind",
    ),
    (b'{"externalIds": {"erp": "1", "erp": "1"}}', "externalIds.erp"),
)
KEYS = ("", "a b", "é", "x" * 256, '"' + "x" * 256 + '"', "a\tb", '""')


def short(value: str | bytes) -> str:
    """The name of a test for a value, however long that is."""
    return repr(value[:30])


@pytest.fixture(scope="module")
def made(suite) -> Made:
    return make(suite.client())


@pytest.fixture(autouse=True)
def unchanged(stored, made) -> Iterator[None]:
    """Fails when anything that is stored is another after the test."""
    before = stored.settled()
    yield
    assert stored.digests() == before


@pytest.mark.parametrize("body", UNREADABLE, ids=short)
@pytest.mark.parametrize(("verb", "path"), [("POST", "/v1/contacts"), ("PATCH", "contact")])
def test_what_is_no_json_is_told_of(admin, made, verb, path, body):
    target = path if path.startswith("/") else f"/v1/{made.contact}"

    answer = admin.ask(verb, target, body, headers={**JSON, "If-Match": '"1"'})

    ((field, place, reason),) = places(answer)
    assert (field, place) == ("", "body")
    assert reason in ("MALFORMED_JSON", "MISSING_BODY", "TOO_DEEP")


@pytest.mark.parametrize(("body", "field"), TWINS)
def test_a_field_that_is_told_twice_is_told_of(admin, body, field):
    answer = admin.ask("POST", "/v1/contacts", body, headers=JSON)

    assert (field, "body", "DUPLICATE_FIELD") in places(answer)


@pytest.mark.parametrize("levels", [33, 40, 200, 900])
def test_no_body_is_deeper_than_32_levels(admin, levels):
    arrays = b'{"givenName": ' + b"[" * levels + b"]" * levels + b"}"
    objects = b'{"a":' * levels + b"1" + b"}" * levels

    for body in (arrays, objects):
        ((field, place, reason),) = places(admin.ask("POST", "/v1/contacts", body, headers=JSON))
        assert (field, place, reason) == ("", "body", "TOO_DEEP")


def test_32_levels_are_not_too_deep(admin):
    body = b'{"givenName": ' + b"[" * 31 + b"]" * 31 + b"}"

    answer = admin.ask("POST", "/v1/contacts", body, headers=JSON)

    assert places(answer) == {("givenName", "body", "WRONG_TYPE")}


@pytest.mark.parametrize("more", [1, MEBIBYTE])
def test_no_body_is_larger_than_a_mebibyte(admin, more):
    large = b'{"givenName": "' + b"x" * (MEBIBYTE - 17 + more) + b'"}'

    answer = admin.ask("POST", "/v1/contacts", large, headers=JSON)

    assert len(large) == MEBIBYTE + more
    problem(answer, 413, "TOO_LARGE")


def test_a_body_of_a_mebibyte_is_read(admin):
    body = b'{"givenName": "' + b"x" * (MEBIBYTE - 17) + b'"}'

    answer = admin.ask("POST", "/v1/contacts", body, headers=JSON)

    assert places(answer) == {("givenName", "body", "STRING_MAX_LEN")}


@pytest.mark.parametrize(
    "media", ["text/plain", "application/xml", "multipart/form-data", "application/jsonp", "x", ""]
)
def test_no_body_is_of_another_type(admin, made, media):
    headers = {"Content-Type": media, "If-Match": '"1"'}
    for verb, path in (("POST", "/v1/contacts"), ("PATCH", f"/v1/{made.contact}")):
        answer = admin.ask(verb, path, b'{"givenName": "Ann"}', headers=headers)

        problem(answer, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("key", KEYS, ids=short)
@pytest.mark.parametrize("path", ["/v1/contacts", "/v1/contacts:import", "/v1/users", "verb"])
def test_no_idempotency_key_is_of_another_form(admin, made, path, key):
    target = path if path.startswith("/") else f"/v1/{made.organization}:move"

    answer = admin.ask("POST", target, b"{}", headers={**JSON, "Idempotency-Key": key})

    assert places(answer) == {("Idempotency-Key", "header", "MALFORMED_VALUE")}


@pytest.mark.parametrize(
    "told",
    [
        "Basic YTpi",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer nope",
        "Bearer crm_live_" + "0" * 32 + "_" + "x" * 32,
        "crm_live_" + "0" * 32 + "_" + "x" * 32,
        "Bearer " + "x" * 10_000,
        "Bearer é",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
    ],
    ids=short,
)
def test_who_cannot_be_known_is_asked_who_it_is(suite, told):
    answer = suite.client(None).ask("GET", "/v1/contacts", headers={"Authorization": told})

    problem(answer, 401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_who_is_not_known_learns_nothing_of_what_is_there(suite, made):
    client = suite.client(None)

    answers = [
        client.ask("POST", "/v1/contacts", b"{", headers=JSON),
        client.ask("POST", "/v1/contacts", b"x" * (2 * MEBIBYTE), headers=JSON),
        client.get(f"/v1/{made.contact}"),
        client.get("/v1/contacts/nope"),
        client.get("/v1/contacts", nope="1"),
        client.ask("DELETE", f"/v1/{made.contact}"),
    ]

    assert {problem(answer, 401)["detail"] for answer in answers} == {
        problem(answers[0], 401)["detail"]
    }


def test_a_body_that_is_not_read_does_not_spoil_the_next_request(suite):
    client = suite.client(None)

    for _ in range(50):
        answer = client.ask("POST", "/v1/contacts", b"x" * 5_000, headers=JSON)
        problem(answer, 401)
        assert answer.headers["connection"] == "close"
        assert client.get("/healthz").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v2/contacts",
        "/v1/nope",
        "/v1/contacts/",
        "/v1//contacts",
        "/v1/contact",
        "/v1/Contacts",
        "/v1/contacts:nope",
        "/v1/contacts/x/y",
        "/v1/contacts/x/y/z",
        "/v1/contacts/../contacts",
        "/v1/%63ontacts/x/y",
        "/" + "x" * 8_000,
        "/v1/contacts/%00/interactions/",
        "/metrics",
        "/livez",
        "/console",
        "/.env",
    ],
    ids=short,
)
@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_at_an_unknown_path_there_is_nothing(admin, verb, path):
    answer = admin.ask(verb, path, {} if verb == "POST" else None)

    assert problem(answer, answer.status)["status"] in (404, 400)
    assert answer.status == 404 or "%" in path


def test_a_verb_that_a_path_does_not_know_is_told_with_those_that_it_does(suite, admin, made):
    paths = admin.get("/v1/openapi.json").ok()["paths"]
    for path, operations in paths.items():
        known = {verb.upper() for verb in operations}
        for verb in {*VERBS, "FOO"} - known:
            answer = admin.ask(verb, path.replace("{", "").replace("}", ""), None)

            problem(answer, 405, "METHOD_NOT_ALLOWED")
            allowed = {word.strip() for word in answer.headers["allow"].split(",")}
            assert allowed - {"HEAD", "OPTIONS"} == known, path


@dataclass(frozen=True)
class Verb:
    """An RPC whose request is its body, and where it is called."""

    rpc: Declared

    def __str__(self) -> str:
        return str(self.rpc.method.name)

    @property
    def example(self) -> dict[str, Any]:
        has_tag = "etag" in self.rpc.method.input_type.fields_by_name
        return EXAMPLES.get(str(self), {"etag": '"1"'} if has_tag else {})

    def path(self, made: Made) -> str:
        """The path with the name of what may be there, or not: the body is looked at first."""
        head, brace, rest = self.rpc.path.partition("{name=")
        if not brace:
            return head.replace("{service}", "contacts")
        pattern, _, verb = rest.partition("}")
        there = {"contacts/*": made.contact, "organizations/*": made.organization}
        owners = {"operations/*": "contacts.", "deadLetters/*": "analytics."}
        name = there.get(pattern) or pattern.replace("*", owners.get(pattern, "") + new_id())
        return head + name.replace("*", new_id()) + verb


def verbs() -> Iterator[Verb]:
    for rpc in declared_rpcs():
        option = rpc.method.GetOptions().Extensions[annotations_pb2.http]
        if option.body == "*" and not rpc.method.client_streaming:
            yield Verb(rpc)


@pytest.mark.parametrize("verb", list(verbs()), ids=str)
def test_no_verb_takes_what_it_does_not_know(admin, made, verb):
    path = verb.path(made)
    bads = list(of_message(verb.rpc.method.input_type, verb.example))

    for bad in bads:
        found = places(admin.post(path, bad.value))
        assert (bad.field, "body", bad.reason) in found, bad

    for body in (b"[]", b"7", b"null", b"{"):
        answer = admin.ask("POST", path, body, headers=JSON)
        assert {(field, place) for field, place, _ in places(answer)} == {("", "body")}


def test_a_ledger_is_of_a_span_that_goes_forward(admin):
    backward = {"startTime": "2026-01-02T00:00:00Z", "endTime": "2026-01-01T00:00:00Z"}

    assert places(admin.post("/v1/ledger:reconcile", backward)) == {
        ("endTime", "body", "OUT_OF_RANGE")
    }
    assert {field for field, _, _ in places(admin.post("/v1/ledger:reconcile", {}))} == {
        "startTime",
        "endTime",
    }


def test_no_event_is_published_again_that_consumers_may_have_forgotten(admin):
    path, moment = "/v1/services/contacts/events:republish", now()
    span = {"startTime": rfc3339(moment - timedelta(days=30)), "endTime": rfc3339(moment)}

    assert places(admin.post(path, span)) == {("startTime", "body", "OUT_OF_RANGE")}
    assert places(admin.post(path, {**span, "startTime": rfc3339(moment)})) == {
        ("endTime", "body", "OUT_OF_RANGE")
    }


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({}, "config"),
        ({"config": {"columns": {"a": "givenName"}}}, "file"),
        ({"file": b"a\n1\n"}, "config"),
        ({"config": b"{", "file": b"a\n1\n"}, "config"),
        ({"config": {}, "file": b"a\n1\n"}, "config.columns"),
        ({"config": {"columns": {"a": "nope"}}, "file": b"a\n1\n"}, "config.columns.a"),
        ({"config": {"columns": {"a": "displayName"}}, "file": b"a\n1\n"}, "config.columns.a"),
        ({"config": {"columns": {"b": "givenName"}}, "file": b"a\n1\n"}, "config.columns.b"),
        (
            {"config": {"columns": {"a": "givenName"}, "mode": "X"}, "file": b"a\n1\n"},
            "config.mode",
        ),
        ({"config": {"columns": {"a": "givenName"}, "nope": 1}, "file": b"a\n1\n"}, "config.nope"),
        ({"config": {"columns": {"a": "givenName"}}, "file": b"a\n", "more": b""}, "more"),
    ],
)
def test_no_import_begins_with_a_form_that_is_wrong(admin, parts, field):
    form = {
        name: part if isinstance(part, bytes) else json.dumps(part).encode()
        for name, part in parts.items()
    }

    found = places(admin.upload("/v1/contacts:import", form))

    assert {(name, place) for name, place, _ in found} == {(field, "body")}


def test_an_import_is_a_form(admin):
    for headers in (JSON, {"Content-Type": "multipart/form-data"}, {"Content-Type": "text/csv"}):
        answer = admin.ask("POST", "/v1/contacts:import", b"a\n1\n", headers=headers)

        assert problem(answer, answer.status)["status"] in (400, 415)
