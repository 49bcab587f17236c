"""Every event that was ever published can still be read.

`events/` has one example of each type, as it went over the broker. They stay as they are for ever:
what services publish today may have more than they have, never less.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from contract.examples import Body, collection_path, examples, make, resources
from contract.mailings import MADE_BY_VERBS, let_campaigns_happen
from pymongo import MongoClient

from crm_analytics.journal.documents import journal
from crm_analytics.testing import happen
from crm_chassis.events.canonical import datahash
from crm_chassis.events.catalog import announced, message_of
from crm_chassis.events.envelope import CONTENT_TYPE, from_cloudevent, to_cloudevent
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.ids import collection_of
from crm_chassis.mongo.migrations import migrate
from crm_chassis.telemetry.context import call_scope
from crm_chassis.testing.calls import a_call
from crm_chassis.testing.messages import Broker
from crm_chassis.testing.suite import Client
from crm_chassis.testing.waiting import wait_until

EXAMPLES = Path(__file__).parent / "events"
SERVICES = ("contacts", "sales", "service_desk", "campaigns", "analytics", "gateway")
TYPES = sorted(type_ for service in SERVICES for type_ in announced(service))
FILES = sorted(EXAMPLES.glob("*.json"))
# What CloudEvents asks for, and what we add.
ATTRIBUTES = {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}
ATTRIBUTES |= {"sequence", "customers", "parent", "paths", "datahash", "salt", "actor"}
ATTRIBUTES |= {"correlationid", "causationid", "traceparent"}
CHANGES: dict[str, Body] = {
    "Contact": {"familyName": "Lovelace", "tags": ["math"]},
    "Organization": {"industry": "Engines"},
    "Interaction": {"outcome": "Sent"},
    "Pipeline": {"displayName": "Resellers"},
    "Deal": {"displayName": "Anvils for two years"},
    "Case": {"description": "Nothing at all comes out."},
    "User": {"displayName": "Robert"},
    "Team": {"displayName": "Sales"},
    "Role": {"displayName": "Agent"},
    "ApiKey": {"displayName": "Another program"},
    "Audience": {"displayName": "Buyers"},
    "Campaign": {"displayName": "Summer"},
}

DEAL_VERBS: dict[str, Body] = {
    "advance": {"stage": "talk"},
    "win": {},
    "reopen": {},
    "lose": {"lostReason": "Too dear"},
}


@pytest.fixture(scope="module")
def published(suite) -> dict[str, bytes]:
    """A message of each type, as the running suite publishes it now."""
    broker = Broker(suite.env["CRM_RABBITMQ_URI"])
    queue = broker.queue("crm.#")
    found: dict[str, bytes] = {}

    def all_types() -> bool:
        for properties, _, body in broker.messages(queue):
            assert properties.content_type == CONTENT_TYPE
            found.setdefault(orjson.loads(body)["type"], body)
        return found.keys() >= set(TYPES)

    try:
        let_everything_happen(suite.client())
        let_time_run_out(suite.env["CRM_MONGODB_URI"])
        let_campaigns_happen(suite)
        wait_until(all_types, what="an event of each type")
    finally:
        broker.close()
    return found


def let_everything_happen(admin: Client) -> None:
    """Make, change, delete and bring back one of each kind, and what else may become of it."""
    made = make(admin)
    for kind, body in examples(made).items():
        one = admin.post(collection_path(kind, made), body).ok()
        if kind in CHANGES:
            one = admin.patch(one["name"], CHANGES[kind], one["etag"]).ok()
        if kind == "Organization":
            one = admin.post(f"/v1/{one['name']}:move", {"etag": one["etag"]}).ok()
        if kind == "Deal":
            for verb, told in DEAL_VERBS.items():
                one = admin.post(f"/v1/{one['name']}:{verb}", told).ok()
        if kind == "Case":
            one = let_a_case_end(admin, one["name"])
        if kind == "ApiKey":
            admin.post(f"/v1/{one['name']}:rotate").ok()
            admin.post(f"/v1/{one['name']}:revoke").ok()
        elif kind in CHANGES:
            gone = admin.delete(one["name"], one["etag"]).ok()
            admin.post(f"/v1/{one['name']}:undelete", {"etag": gone["etag"]}).ok()


def let_a_case_end(admin: Client, name: str) -> Body:
    """Let a case go the whole way, and begin again."""
    for verb, body in (
        ("assign", {}),
        ("reply", {"body": "Have you tried?"}),
        ("resolve", {}),
        ("close", {}),
        ("reopen", {}),
    ):
        one = admin.post(f"/v1/{name}:{verb}", body).ok()
    return one


def let_time_run_out(uri: str) -> None:
    """Let one case be due: nobody waits for that for hours."""
    past = now() - timedelta(hours=1)
    with MongoClient[dict[str, Any]](uri) as client:
        desk = client["crm_service_desk"]
        case = desk["cases"].find_one({"resolution_target": "RUNNING", "delete_time": None})
        desk["cases"].update_one({"_id": case["_id"]}, {"$set": {"resolution_due_time": past}})
        due = {"due": past, "ready": past}
        desk["timers"].update_one({"_id": f"resolution cases/{case['_id']}"}, {"$set": due})


@pytest.mark.parametrize("type_", TYPES)
def test_every_type_that_is_announced_has_an_example(published, type_):
    example = EXAMPLES / f"{type_}.json"
    if not example.exists():
        example.write_bytes(published[type_])
        pytest.fail(f"{example} is new: look at it, and commit it")

    assert from_cloudevent(example.read_bytes()).type == type_


@pytest.mark.parametrize("type_", TYPES)
def test_what_is_published_today_has_all_that_the_example_has(published, type_):
    today = orjson.loads(published[type_])
    then = orjson.loads((EXAMPLES / f"{type_}.json").read_bytes())

    assert today.keys() == ATTRIBUTES
    assert today.keys() >= then.keys()
    assert missing(then["data"], today["data"]) == []


def missing(then: Any, today: Any, path: str = "data") -> list[str]:
    """What the older value has and the newer one lacks, or has of another type."""
    if type(then) is not type(today):
        return [path]
    if isinstance(then, dict):
        if any("/" in key for key in then):  # a map from resource names
            return missing([*then.values()], [*today.values()], path)
        found = [f"{path}.{key}" for key in then if key not in today]
        kept = [key for key in then if key in today]
        return found + [one for key in kept for one in missing(then[key], today[key], key)]
    if isinstance(then, list) and then and today:
        return missing(then[0], today[0], f"{path}[]")
    return []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_event_that_was_ever_published_can_be_read(file):
    event = from_cloudevent(file.read_bytes())

    resource = event.resource

    assert event.type == file.stem
    assert message_of(event.type) is type(resource)
    assert resource.name == event.subject
    assert event.subject.endswith(event.data["name"].rpartition("/")[2])
    assert event.collection == collection_of(resource.name)
    assert datahash(event.salt, event.data) == event.datahash
    assert orjson.loads(to_cloudevent(event)) == orjson.loads(file.read_bytes())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_event_tells_a_secret_or_an_address_beside_its_data(file):
    document = orjson.loads(file.read_bytes())
    envelope = {key: value for key, value in document.items() if key != "data"}

    assert "@" not in str(envelope)
    assert not {"secret", "secretDigest"} & document["data"].keys()
    assert "crm_live_" not in str(document)


@pytest.fixture
def analytics(database) -> Iterator[None]:
    """A fresh database of the service that takes all events."""
    migrate("crm_analytics.migrations")
    with call_scope(a_call()):
        yield


@pytest.mark.usefixtures("analytics")
def test_the_journal_takes_every_event_that_was_ever_published():
    events = [from_cloudevent(file.read_bytes()) for file in FILES]

    happen(*events)
    happen(*events)

    rows = {row["_id"]: row for row in journal().find()}
    assert rows.keys() == {event.id for event in events}
    assert {row["type"] for row in rows.values()} >= set(TYPES)


def test_every_kind_of_resource_announces_that_it_was_made():
    made = {type_.rsplit(".", 3)[1] for type_ in TYPES if type_.endswith(".created.v1")}

    assert made == {"".join(_words(name)) for name in (*resources(), *MADE_BY_VERBS)}


def _words(name: str) -> Iterator[str]:
    for place, letter in enumerate(name):
        yield f"_{letter.lower()}" if letter.isupper() and place else letter.lower()
