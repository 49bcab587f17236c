"""Bad input gets a precise error and changes nothing.

What is wrong with each field is derived from the protos: for every resource, in a create and in a
change. One test tries many bodies, and tells of each that was not refused as it should be.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from contract.examples import (
    Body,
    Made,
    collection_path,
    examples,
    make,
    resources,
    writable,
)
from contract.mutations import Bad, nulls, of_message, strings_of
from contract.problems import places, problem
from google.api import field_behavior_pb2

from crm_chassis.events.options import option_of
from crm_chassis.resources.masks import is_read_only
from crm_chassis.resources.shape import fields_of
from crm_chassis.testing.suite import Answer

RESOURCES = resources()
CHANGED = [name for name in RESOURCES if name not in ("Consent", "Message")]
OUTPUT: Body = {
    "createTime": "2026-05-03T12:00:00.000Z",
    "updateTime": "2026-05-03T12:00:00.000Z",
    "deleteTime": "2026-05-03T12:00:00.000Z",
    "displayName": "Ann",
    "inForce": True,
    "secret": "mine",
    "lastUseTime": "2026-05-03T12:00:00.000Z",
    "revokeTime": "2026-05-03T12:00:00.000Z",
    "state": "OPEN",
    "lostReason": "Too dear",
    "closeTime": "2026-05-03T12:00:00.000Z",
    "stageTime": "2026-05-03T12:00:00.000Z",
    "customerDisplayNames": {"contacts/none": "Ann"},
    "number": 7,
    "firstResponseDueTime": "2026-05-03T12:00:00.000Z",
    "resolutionDueTime": "2026-05-03T12:00:00.000Z",
    "firstResponseTime": "2026-05-03T12:00:00.000Z",
    "resolveTime": "2026-05-03T12:00:00.000Z",
    "firstResponseTarget": "MET",
    "resolutionTarget": "MET",
    "author": "users/0190b0c4-0000-7000-8000-000000000000",
    "subject": "It does not print",
    "contact": "contacts/0190b0c4-0000-7000-8000-000000000000",
    "organization": "organizations/0190b0c4-0000-7000-8000-000000000000",
    "memberCount": 7,
    "scheduleTime": "2026-05-03T12:00:00.000Z",
    "stats": {"sent": 7},
}
Ask = Callable[[Any], Answer]


@pytest.fixture(scope="module")
def made(suite) -> Made:
    return make(suite.client())


@pytest.fixture(scope="module")
def there(suite, made) -> dict[str, Body]:
    """One of each resource, made of its example, with every field told."""
    admin = suite.client()
    return {
        name: admin.post(f"{collection_path(name, made)}", body).ok()
        for name, body in examples(made).items()
    }


@pytest.fixture
def unchanged(stored, there) -> Iterator[None]:
    """Fails when anything that is stored is another after the test."""
    before = stored.settled()
    yield
    assert stored.digests() == before


@pytest.fixture
def create(admin, made) -> Callable[[str], Ask]:
    """Asks to make a resource of that name."""
    return lambda name: lambda body: admin.post(collection_path(name, made), body)


@pytest.fixture
def change(admin, there) -> Callable[[str], Ask]:
    """Asks to change the resource of that name that is there."""
    return lambda name: lambda body: admin.patch(there[name]["name"], body, there[name]["etag"])


def untold(ask: Ask, bads: Iterator[Bad]) -> list[str]:
    """What was not refused as it should be."""
    return [said for bad in bads if (said := _said(ask, bad))]


def _said(ask: Ask, bad: Bad) -> str:
    answer = ask(bad.value)
    wanted = (bad.field, "body", bad.reason)
    if answer.status == 400 and wanted in places(answer):
        return ""
    return f"{wanted} of {str(bad.value)[:300]}: {answer.status} {answer.content[:300]!r}"


@pytest.mark.parametrize("name", RESOURCES)
def test_the_examples_have_every_field_that_may_be_written(made, name):
    told = set(examples(made)[name])

    assert told == {field.json_name for field in writable(RESOURCES[name])}


@pytest.mark.parametrize("name", RESOURCES)
def test_the_examples_are_taken_and_given_back(made, there, name):
    sent = {key: value for key, value in examples(made)[name].items() if key != "email"}
    sent.pop("externalIds", None)

    assert {key: there[name][key] for key in sent} == sent


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", RESOURCES)
def test_no_resource_is_made_of_a_field_that_is_wrong(create, made, name):
    example = examples(made)[name]

    assert untold(create(name), of_message(RESOURCES[name], example)) == []


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", CHANGED)
def test_no_resource_is_changed_by_a_field_that_is_wrong(change, made, name):
    example = _changeable(name, examples(made)[name])

    assert untold(change(name), of_message(RESOURCES[name], example)) == []


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", RESOURCES)
def test_no_resource_is_made_of_a_null(create, made, name):
    assert untold(create(name), nulls(examples(made)[name])) == []


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", RESOURCES)
def test_no_resource_is_made_without_what_is_required(create, made, name):
    example = examples(made)[name]
    required = [field for field in fields_of(RESOURCES[name]) if _behaves(field, "REQUIRED")]

    for field in required:
        body = {key: value for key, value in example.items() if key != field.json_name}
        found = places(create(name)(body))

        assert {(place, where) for place, where, _ in found} == {(field.json_name, "body")}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", CHANGED)
def test_what_is_required_cannot_be_cleared(change, name):
    required = [field for field in fields_of(RESOURCES[name]) if _behaves(field, "REQUIRED")]

    for field in required:
        found = places(change(name)({field.json_name: None}))

        assert {(place, where) for place, where, _ in found} <= {
            (field.json_name, "body"),
            ("updateMask", "query"),
        }
        assert found


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", RESOURCES)
def test_no_string_is_endless(create, made, name):
    for place, body in strings_of(RESOURCES[name], examples(made)[name]):
        assert place in {field for field, _, _ in places(create(name)(body))}, place


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", RESOURCES)
def test_what_the_system_sets_cannot_be_told(create, change, made, name):
    read_only = [
        field.json_name
        for field in fields_of(RESOURCES[name])
        if is_read_only(field) and field.name not in ("name", "etag")
    ]

    for field in read_only:
        wanted = (field, "body", "OUTPUT_ONLY")
        body = {**examples(made)[name], field: OUTPUT[field]}
        assert places(create(name)(body)) == {wanted}
        if name in CHANGED:
            assert places(change(name)({field: OUTPUT[field]})) == {wanted}
            assert places(change(name)({field: None})) == {wanted}


@pytest.mark.parametrize("name", RESOURCES)
def test_name_and_etag_are_passed_over_when_a_resource_is_made(create, made, name):
    body = {**examples(made)[name], "name": "contacts/none", "etag": '"99"'}

    answer = create(name)(body).ok()

    assert answer["name"] != body["name"]
    assert answer["etag"] == '"1"'


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("body", [None, b"", b"null", b"[]", b"7", b'"x"', b"true"])
@pytest.mark.parametrize("name", RESOURCES)
def test_a_body_that_is_no_object_makes_nothing(admin, made, name, body):
    headers = {"Content-Type": "application/json"}

    answer = admin.ask("POST", collection_path(name, made), body, headers=headers)

    assert {(field, place) for field, place, _ in places(answer)} == {("", "body")}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("name", "body", "field", "reason"),
    [
        ("Contact", {}, "givenName", "NAMELESS"),
        ("Contact", {"givenName": "  "}, "givenName", "NAMELESS"),
        ("Contact", {"tags": ["x"]}, "givenName", "NAMELESS"),
    ],
)
def test_what_holds_across_fields_is_told_at_one_of_them(create, name, body, field, reason):
    assert places(create(name)(body)) == {(field, "body", reason)}


@pytest.mark.usefixtures("unchanged")
def test_every_fault_is_told_not_only_the_first(create):
    body = {"givenName": 7, "tags": "x", "emails": [{"address": None}], "nope": 1}
    invalid = {"givenName": "x" * 256, "emails": [{"address": "a"}], "timeZone": "Mars/Base"}

    assert places(create("Contact")(body)) == {
        ("givenName", "body", "WRONG_TYPE"),
        ("tags", "body", "WRONG_TYPE"),
        ("emails[0].address", "body", "NULL_VALUE"),
        ("nope", "body", "UNKNOWN_FIELD"),
    }
    assert places(create("Contact")(invalid)) == {
        ("givenName", "body", "STRING_MAX_LEN"),
        ("emails[0].address", "body", "STRING_EMAIL"),
        ("timeZone", "body", "UNKNOWN_TIME_ZONE"),
    }


def test_a_line_has_room_for_255_characters_of_any_kind_and_a_text_for_65536(admin, made):
    line, text = "\U0001f600" * 255, "\U0001f600" * 65_536
    met = {"channel": "PHONE", "direction": "INBOUND", "subject": line, "body": text}

    told = admin.post(f"/v1/{made.contact}/interactions", met).ok()

    assert (told["subject"], told["body"]) == (line, text)


@pytest.mark.usefixtures("unchanged")
def test_what_is_not_there_cannot_be_referred_to(create, made):
    nobody = "0190b0c4-0000-7000-8000-000000000000"
    post = {"organization": f"organizations/{nobody}"}
    told = {
        ("Contact", "positions[0].organization"): {"givenName": "Ann", "positions": [post]},
        ("Organization", "parent"): {"displayName": "A", "parent": f"organizations/{nobody}"},
        ("Team", "parent"): {"displayName": "A", "parent": f"teams/{nobody}"},
        ("User", "teams[0]"): {**examples(made)["User"], "teams": [f"teams/{nobody}"]},
        ("User", "roles[1]"): {
            **examples(made)["User"],
            "roles": ["roles/viewer", "roles/nobody"],
        },
        ("Campaign", "audience"): {
            **examples(made)["Campaign"],
            "audience": f"audiences/{nobody}",
        },
        ("ApiKey", "user"): {"displayName": "A", "user": f"users/{nobody}"},
        ("Deal", "organization"): {"displayName": "A", **post},
        ("Deal", "contacts[0].contact"): {
            "displayName": "A",
            "contacts": [{"contact": f"contacts/{nobody}"}],
        },
        ("Deal", "pipeline"): {"displayName": "A", "pipeline": f"pipelines/{nobody}"},
        ("Case", "contact"): {"subject": "A", "contact": f"contacts/{nobody}"},
        ("Case", "organization"): {"subject": "A", "organization": f"organizations/{nobody}"},
    }

    for (name, field), body in told.items():
        assert places(create(name)(body)) == {(field, "body", "REFERENCE_NOT_FOUND")}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", CHANGED)
def test_a_change_names_the_version_it_is_of(admin, made, there, name):
    path, body = f"/v1/{there[name]['name']}", _changeable(name, examples(made)[name])
    for verb in ("PATCH", "DELETE") if name != "ApiKey" else ("PATCH",):
        sent = body if verb == "PATCH" else None

        missing = admin.ask(verb, path, sent)
        stale = [
            admin.ask(verb, path, sent, headers={"If-Match": tag})
            for tag in ('"0"', '"99"', "7", 'W/"1"', '"x"')
        ]

        problem(missing, 428, "MISSING_PRECONDITION")
        for answer in stale:
            problem(answer, 412, "STALE")


def _changeable(name: str, example: Body) -> Body:
    return {
        field.json_name: example[field.json_name]
        for field in writable(RESOURCES[name])
        if not _behaves(field, "IMMUTABLE")
    }


def _behaves(field: Any, behavior: str) -> bool:
    number = field_behavior_pb2.FieldBehavior.Value(behavior)
    return number in option_of(field.descriptor, field_behavior_pb2.field_behavior)
