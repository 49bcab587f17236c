"""What operators look at every day: dead letters, the ledger, keys."""

import base64
import json

import pytest

LETTERS = [
    {
        "name": "deadLetters/analytics.1",
        "service": "analytics",
        "queue": "analytics.journal",
        "reason": "Undecodable",
        "attempts": 6,
        "lastTime": "2026-11-22T02:00:00.000Z",
        "state": "DEAD",
    },
    {"name": "deadLetters/sales.2", "queue": "sales.contacts-changed", "state": "PARKED"},
]


@pytest.fixture
def letters(api):
    """Dead letters on two pages."""

    def page(request):
        if request.args.get("pageToken") == "second":
            return {"deadLetters": LETTERS[1:], "nextPageToken": "", "unavailable": []}
        return {"deadLetters": LETTERS[:1], "nextPageToken": "second", "unavailable": []}

    api.put("GET /v1/deadLetters", page)
    return api


def test_dead_letters_that_wait_are_listed(letters, crmctl):
    ran = crmctl("dlq", "list")

    assert ran.code == 0
    title, row = ran.said.splitlines()
    assert title.split() == ["NAME", "QUEUE", "REASON", "ATTEMPTS", "LAST", "STATE"]
    assert row.split()[:4] == ["deadLetters/analytics.1", "analytics.journal", "Undecodable", "6"]


def test_dead_letters_of_a_state_and_a_queue_are_found_on_every_page(letters, crmctl):
    ran = crmctl("dlq", "list", "--state", "ALL", "--queue", "sales.contacts-changed")

    assert "deadLetters/sales.2" in ran.said
    assert "analytics.1" not in ran.said


def test_a_list_without_a_service_says_so(api, crmctl):
    api.put("GET /v1/deadLetters", {"deadLetters": [], "unavailable": ["sales"]})

    ran = crmctl("dlq", "list")

    assert ran.code == 1
    assert ran.complained == "warning: sales did not answer\n"


@pytest.mark.parametrize(
    ("body", "shown"),
    [(b'{"a": "\xc3\xa9"}', '{\n  "a": "é"\n}'), (b"plain", "plain"), (b"\xff\x00", "ff00")],
)
def test_a_dead_letter_is_shown_with_its_body_as_readable_as_it_is(api, crmctl, body, shown):
    letter = {**LETTERS[0], "body": base64.b64encode(body).decode()}
    api.put("GET /v1/deadLetters/analytics.1", letter)

    ran = crmctl("dlq", "show", "analytics.1")

    assert "queue     analytics.journal" in ran.said
    assert ran.said.endswith(f"\n\n{shown}\n")


@pytest.mark.parametrize("verb", ["replay", "park", "discard"])
def test_dead_letters_are_dealt_with_by_name(api, crmctl, verb):
    path = f"POST /v1/deadLetters/analytics.1:{verb}"
    api.put(path, {"name": "deadLetters/analytics.1", "state": "DONE"})

    ran = crmctl("dlq", verb, "analytics.1")

    assert (ran.code, ran.said) == (0, "deadLetters/analytics.1  DONE\n")
    assert json.loads(api.asked[0][3]) == {}


def test_all_that_wait_in_a_queue_are_dealt_with(letters, crmctl):
    letters.put("POST /v1/deadLetters/analytics.1:replay", {**LETTERS[0], "state": "REPLAYED"})

    ran = crmctl("dlq", "replay", "--queue", "analytics.journal")

    assert ran.said == "deadLetters/analytics.1  REPLAYED\n"


def test_a_queue_is_not_dealt_with_while_its_service_does_not_answer(api, crmctl):
    api.put("GET /v1/deadLetters", {"deadLetters": [], "unavailable": ["sales"]})

    ran = crmctl("dlq", "replay", "--queue", "sales.contacts-changed")

    assert ran.code == 1
    assert ran.complained == "warning: sales did not answer\n"


@pytest.mark.parametrize("arguments", [[], ["analytics.1", "--queue", "q"]])
def test_dead_letters_are_named_or_their_queue_is(letters, crmctl, arguments):
    assert crmctl("dlq", "discard", *arguments).code == 2


def source(**told):
    counts = dict.fromkeys(("accepted", "stored", "published", "archived"), 5)
    return {"source": "contacts", **counts, "inFlight": 0, "difference": 0, "missing": [], **told}


def test_the_ledger_of_an_hour_is_a_line_for_each_source(api, crmctl):
    api.put("POST /v1/ledger:reconcile", {"sources": [source()], "difference": 0})

    ran = crmctl("ledger", "--hour", "2026-11-22T14:30+02:00")

    assert ran.code == 0
    span = {"startTime": "2026-11-22T12:00:00.000Z", "endTime": "2026-11-22T13:00:00.000Z"}
    assert json.loads(api.asked[0][3]) == span
    assert ran.said.splitlines()[0] == "2026-11-22 12:00 to 13:00 UTC"
    assert ran.said.splitlines()[2].split() == ["contacts", "5", "5", "5", "5", "0", "0"]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"difference": 1, "missing": ["event-1"]}, "missing  contacts  event-1"),
        ({"difference": 30, "missing": [f"e{n}" for n in range(30)]}, "and 10 more"),
        ({"unavailable": "TIMEOUT"}, "contacts could not be asked: TIMEOUT"),
    ],
)
def test_a_ledger_that_is_not_balanced_fails(api, crmctl, told, words):
    answer = {"sources": [source(**told)], "difference": told.get("difference", 0)}
    api.put("POST /v1/ledger:reconcile", answer)

    ran = crmctl("ledger")

    assert ran.code == 1
    assert words in ran.said + ran.complained


def test_an_hour_that_is_none_is_refused(crmctl):
    assert crmctl("ledger", "--hour", "noon").code == 2


def test_events_of_a_span_are_published_again_batch_by_batch(api, crmctl):
    def batch(request):
        if request.get_json().get("pageToken") == "second":
            return {"republished": 2, "nextPageToken": ""}
        return {"republished": 5000, "nextPageToken": "second"}

    api.put("POST /v1/ledger:reconcile", {"sources": [source(), source(source="sales")]})
    api.put("POST /v1/services/contacts/events:republish", batch)
    api.put("POST /v1/services/sales/events:republish", {"republished": 0})

    ran = crmctl("ledger", "replay", "--from", "2026-11-22T14:05", "--to", "2026-11-22T16:00+01:00")

    assert ran.code == 0
    assert [row.split() for row in ran.said.splitlines()[1:3]] == [
        ["contacts", "5002"],
        ["sales", "0"],
    ]
    span = {"startTime": "2026-11-22T14:05:00.000Z", "endTime": "2026-11-22T15:00:00.000Z"}
    assert json.loads(api.asked[1][3]) == span


@pytest.mark.parametrize("told", [[], ["--from", "noon"], ["--from", "2026-11-22", "--to", "x"]])
def test_a_span_without_a_beginning_or_of_no_time_is_refused(crmctl, told):
    assert crmctl("ledger", "replay", *told).code == 2


def test_a_key_is_made_for_a_user_found_by_address(api, crmctl):
    api.put("GET /v1/users", {"users": [{"name": "users/1"}]})
    api.put("POST /v1/apiKeys", {"name": "apiKeys/2", "secret": "crm_live_2_secret"})

    ran = crmctl(
        "keys", "create", "--user", "ann@example.com", "--name", "Export", "--expires", "2027-01-31"
    )

    assert (ran.code, ran.said) == (0, "crm_live_2_secret\n")
    assert api.asked[0][1]["filter"] == 'email = "ann@example.com"'
    assert json.loads(api.asked[1][3]) == {
        "user": "users/1",
        "displayName": "Export",
        "expireTime": "2027-01-31T00:00:00.000Z",
    }


def test_a_key_for_nobody_is_not_made(api, crmctl):
    api.put("GET /v1/users", {"users": []})

    ran = crmctl("keys", "create", "--user", "nobody@example.com", "--name", "Export")

    assert ran.code == 3
    assert "nobody@example.com" in ran.complained


def test_a_key_is_revoked(api, crmctl):
    api.put("POST /v1/apiKeys/2:revoke", {"name": "apiKeys/2"})

    assert crmctl("keys", "revoke", "2").said == "apiKeys/2 is revoked.\n"


def test_keys_that_count_are_listed_and_the_others_when_asked_for(api, crmctl):
    keys = [
        {"name": "apiKeys/1", "displayName": "Export", "user": "users/1"},
        {"name": "apiKeys/2", "displayName": "Old", "user": "users/1", "revokeTime": "2026"},
        {"name": "apiKeys/3", "user": "users/1", "expireTime": "2026-01-31T00:00:00.000Z"},
        {"name": "apiKeys/4", "user": "users/1", "expireTime": "2126-01-31T00:00:00.000Z"},
    ]
    api.put("GET /v1/apiKeys", {"apiKeys": keys})

    listed = crmctl("keys", "list").said
    assert [name for name in ("1", "2", "3", "4") if f"apiKeys/{name}" in listed] == ["1", "4"]
    assert "revoked 2026" in crmctl("keys", "list", "--all").said
