"""Repeating is safe, and of many who change the same thing at once one wins: over HTTP."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from contract.examples import collection_path, examples, make, resources
from contract.problems import problem
from pymongo import MongoClient

from crm_chassis.kernel.ids import new_id
from crm_chassis.testing.suite import Answer, Client
from crm_chassis.testing.waiting import PATIENCE

# So many that a busy machine answers them within the gateway's deadline; more at full length.
MANY, MANY_MORE = 8, 20
CSV = {"file": b"first\nAnn\n", "config": json.dumps({"columns": {"first": "givenName"}}).encode()}


@pytest.fixture(scope="module")
def made(suite):
    return make(suite.client())


@pytest.fixture(scope="module")
def mongo(suite) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient(suite.env["CRM_MONGODB_URI"]) as client:
        yield client


@pytest.fixture
def at_once(suite, scale) -> Callable[..., list[Answer]]:
    """Lets many ask at the same moment, each on a connection of its own."""
    many = MANY if scale <= 1 else MANY_MORE
    clients = [suite.client() for _ in range(many)]
    barrier = Barrier(many)

    def ask(question: Callable[[Client, int], Answer]) -> list[Answer]:
        def one(number: int) -> Answer:
            barrier.wait(PATIENCE)
            return question(clients[number], number)

        with ThreadPoolExecutor(many) as pool:
            return list(pool.map(one, range(many)))

    return ask


def test_the_same_key_and_body_get_the_same_answer_and_one_effect(admin, mongo, word):
    key, body = new_id(), {"givenName": word}

    answers = [admin.post("/v1/contacts", body, Idempotency_Key=key) for _ in range(3)]

    assert [answer.ok() for answer in answers] == [answers[0].ok()] * 3
    assert [answer.headers["etag"] for answer in answers] == ['"1"'] * 3
    replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
    assert replayed == [None, "true", "true"]
    assert len(contacts_called(admin, word)) == 1
    subject = answers[0].body["name"]
    assert mongo["crm_contacts"]["events"].count_documents({"subject": subject}) == 1


def contacts_called(client: Client, word: str) -> list[dict[str, Any]]:
    wanted = f'displayName = "{word}"'
    found: list[dict[str, Any]] = client.get("/v1/contacts", filter=wanted).ok()["contacts"]
    return found


@pytest.mark.parametrize("name", resources())
def test_every_resource_is_made_once_for_a_key(admin, made, name):
    key, body = new_id(), examples(made)[name]
    path = collection_path(name, made)

    first = admin.post(path, body, Idempotency_Key=key).ok()
    again = admin.post(path, body, Idempotency_Key=key)

    assert again.ok() == first
    assert again.headers["idempotent-replayed"] == "true"


def test_a_secret_is_told_again_to_who_repeats_only(suite, admin, made):
    body = {"user": made.user, "displayName": "A program"}
    name = admin.post("/v1/apiKeys", body).ok()["name"]
    key = new_id()

    first = admin.post(f"/v1/{name}:rotate", {}, Idempotency_Key=key).ok()
    again = admin.post(f"/v1/{name}:rotate", {}, Idempotency_Key=key).ok()
    other = admin.post(f"/v1/{name}:rotate", {}, Idempotency_Key=new_id()).ok()

    assert first["secret"] == again["secret"] != other["secret"]
    assert suite.client(first["secret"]).get("/v1/contacts").status == 401
    assert "secret" not in admin.get(f"/v1/{name}").ok()


def test_an_upload_is_taken_once_for_a_key(admin, mongo):
    key = new_id()
    other = {**CSV, "file": b"first\nBob\n"}

    first = admin.upload("/v1/contacts:import", CSV, Idempotency_Key=key).ok()
    again = admin.upload("/v1/contacts:import", CSV, Idempotency_Key=key)
    refused = admin.upload("/v1/contacts:import", other, Idempotency_Key=key)

    assert again.ok()["name"] == first["name"]
    assert again.headers["idempotent-replayed"] == "true"
    problem(refused, 422, "IDEMPOTENCY_KEY_REUSED")
    wanted = {"_id": first["name"].removeprefix("operations/")}
    assert mongo["crm_contacts"]["operations"].count_documents(wanted) == 1


def test_the_same_key_for_another_body_is_refused(admin, word):
    key = new_id()
    admin.post("/v1/contacts", {"givenName": word}, Idempotency_Key=key).ok()

    refused = admin.post("/v1/contacts", {"givenName": word, "tags": ["x"]}, Idempotency_Key=key)

    problem(refused, 422, "IDEMPOTENCY_KEY_REUSED")
    assert len(contacts_called(admin, word)) == 1


def test_a_key_is_of_one_caller_and_route(admin, person, word):
    other, key = person("roles/administrator").client, new_id()

    first = admin.post("/v1/contacts", {"givenName": word}, Idempotency_Key=key).ok()
    second = other.post("/v1/contacts", {"givenName": word}, Idempotency_Key=key).ok()
    third = admin.post("/v1/organizations", {"displayName": word}, Idempotency_Key=key).ok()

    assert len({first["name"], second["name"], third["name"]}) == 3
    assert len(contacts_called(admin, word)) == 2


def test_a_key_is_the_same_with_and_without_quotes(admin, word):
    key, body = new_id(), {"givenName": word}

    plain = admin.post("/v1/contacts", body, Idempotency_Key=key).ok()
    quoted = admin.post("/v1/contacts", body, Idempotency_Key=f'"{key}"').ok()

    assert plain == quoted


def test_what_was_refused_is_not_remembered(admin, word):
    key = new_id()
    problem(admin.post("/v1/contacts", {"givenName": 7}, Idempotency_Key=key), 400)
    problem(admin.post("/v1/contacts", {}, Idempotency_Key=key), 400)

    made = admin.post("/v1/contacts", {"givenName": word}, Idempotency_Key=key)

    assert made.ok()["givenName"] == word
    assert "idempotent-replayed" not in made.headers


def test_an_answer_is_repeated_as_it_was_whatever_has_become_of_it(admin, word):
    key, body = new_id(), {"givenName": word}
    first = admin.post("/v1/contacts", body, Idempotency_Key=key).ok()
    admin.patch(first["name"], {"givenName": "Other"}, first["etag"]).ok()

    assert admin.post("/v1/contacts", body, Idempotency_Key=key).ok() == first


def test_many_with_one_key_at_once_have_one_effect(admin, at_once, mongo, word):
    key, body = new_id(), {"givenName": word}

    answers = at_once(lambda client, _: client.post("/v1/contacts", body, Idempotency_Key=key))

    done = [answer for answer in answers if answer.status == 200]
    names = {answer.body["name"] for answer in done}
    assert len(names) == 1
    for answer in answers:
        if answer.status != 200:
            problem(answer, 409, "IDEMPOTENCY_KEY_IN_USE")
            assert int(answer.headers["retry-after"]) >= 1
    assert sum("idempotent-replayed" not in answer.headers for answer in done) == 1
    assert len(contacts_called(admin, word)) == 1
    assert mongo["crm_contacts"]["events"].count_documents({"subject": names.pop()}) == 1


def only_one(answers: Sequence[Answer], *otherwise: int) -> Answer:
    """The one answer that is a 200; the others are problems of these statuses."""
    (won,) = [answer for answer in answers if answer.status == 200]
    for answer in answers:
        if answer is not won:
            assert problem(answer, answer.status)["status"] in otherwise, answer.content
    return won


def test_of_editors_of_one_version_exactly_one_wins_each_round(admin, at_once, scale):
    one = admin.post("/v1/contacts", {"givenName": "Ann"}).ok()
    name, rounds, winners = one["name"], int(5 * scale), []

    for version in range(1, rounds + 1):
        answers = at_once(
            lambda client, number, etag=f'"{version}"': client.patch(
                name, {"tags": [f"{etag} by {number}"]}, etag
            )
        )
        winners.append(only_one(answers, 409, 412).ok())

    changes = admin.get(f"/v1/{name}:history", pageSize=1000).ok()["changes"]
    assert [winner["etag"] for winner in winners] == [f'"{n + 2}"' for n in range(rounds)]
    assert admin.get(f"/v1/{name}").ok() == winners[-1]
    told = [change["fields"][0]["after"] for change in reversed(changes[:-1])]
    assert told == [winner["tags"] for winner in winners]


def test_a_resource_is_deleted_and_brought_back_once(admin, at_once):
    name = admin.post("/v1/contacts", {"givenName": "Ann"}).ok()["name"]

    gone = only_one(at_once(lambda client, _: client.delete(name, '"1"')), 404, 409, 412)
    back = only_one(at_once(lambda client, _: client.post(f"/v1/{name}:undelete")), 409, 422)

    assert gone.ok()["etag"] == '"2"'
    assert back.ok()["etag"] == '"3"'


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/contacts", {"givenName": "A", "externalIds": {"erp": "WORD"}}, "externalIds.erp"),
        (
            "/v1/organizations",
            {"displayName": "A", "externalIds": {"erp": "WORD"}},
            "externalIds.erp",
        ),
        ("/v1/users", {"displayName": "A", "email": "WORD@example.com"}, "email"),
        ("/v1/roles?roleId=WORD", {"displayName": "A"}, "name"),
    ],
)
def test_what_only_one_may_have_one_gets(at_once, word, path, body, field):
    told = json.loads(json.dumps(body).replace("WORD", word))
    path, _, query = path.replace("WORD", word).partition("?")
    asked = dict([query.split("=")]) if query else None

    answers = at_once(lambda client, _: client.ask("POST", path, told, asked))

    only_one(answers, 409)
    for answer in answers:
        if answer.status == 409:
            reasons = {(error["field"], error["reason"]) for error in answer.body.get("errors", ())}
            assert reasons in ({(field, "ALREADY_EXISTS")}, set()), answer.body
