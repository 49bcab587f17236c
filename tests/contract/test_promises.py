"""What must always hold, each line of the architecture as a test by that name.

That nobody sees a row they may not see, and that bad input changes nothing, take files of their
own (`test_visibility.py`, `test_bad_input.py`); what holds although processes die is in `faults/`.
"""

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from contract.problems import problem
from contract.whole import view_of
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from crm_chassis.events.envelope import Event, from_cloudevent
from crm_chassis.events.topology import EXCHANGE
from crm_chassis.kernel.clock import parse_rfc3339
from crm_chassis.kernel.ids import new_id
from crm_chassis.testing.messages import Broker
from crm_chassis.testing.waiting import wait_until

DATABASES = {
    "contacts": "crm_contacts",
    "sales": "crm_sales",
    "service-desk": "crm_service_desk",
    "campaigns": "crm_campaigns",
    "analytics": "crm_analytics",
    "gateway": "crm_gateway",
}
STORED = {
    "crm_contacts": ("contacts", "organizations", "interactions", "consents"),
    "crm_sales": ("pipelines", "deals"),
    "crm_service_desk": ("cases", "messages"),
    "crm_campaigns": ("audiences", "members", "campaigns", "deliveries"),
    "crm_gateway": ("users", "teams", "roles", "api_keys"),
}
SECTIONS = ["profile", "relationships", "consents", "interactions", "deals", "cases"]
SECTIONS += ["campaigns", "insights", "timeline"]
ALWAYS = {"startTime": "2020-01-01T00:00:00Z", "endTime": "2100-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def mongo(suite) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient(suite.env["CRM_MONGODB_URI"]) as client:
        yield client


@pytest.fixture
def broker(suite) -> Iterator[Broker]:
    broker = Broker(suite.env["CRM_RABBITMQ_URI"])
    yield broker
    broker.close()


@pytest.fixture
def contact(admin, word) -> dict[str, Any]:
    """A contact in its fifth version, whose events have all arrived."""
    one = admin.post("/v1/contacts", {"givenName": "Ann", "familyName": word}).ok()
    for number in range(4):
        one = admin.patch(one["name"], {"tags": [f"{number}"]}, one["etag"]).ok()
    wait_until(lambda: len(entries(admin, one["name"])) == 5)
    return one


def entries(client, name: str) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/{name}:timeline")
    return answer.body["entries"] if answer.status == 200 else []


@pytest.mark.parametrize("service", DATABASES)
def test_a_service_owns_its_data(suite, service):
    passwords = json.loads((suite.folder / "secrets" / "passwords.json").read_text())
    place = urlsplit(suite.env["CRM_MONGODB_URI"])
    account = f"{service}:{passwords[service]}@{place.netloc.rpartition('@')[2]}"
    with MongoClient(urlunsplit(place._replace(netloc=account))) as client:
        assert client[DATABASES[service]]["migrations"].count_documents({}) > 0
        for other in DATABASES.values():
            if other != DATABASES[service]:
                with pytest.raises(OperationFailure, match="not authorized"):
                    client[other]["events"].find_one()
                with pytest.raises(OperationFailure, match="not authorized"):
                    client[other]["events"].insert_one({"_id": "x"})


def test_of_customers_the_gateway_stores_nothing(mongo, contact, word):
    for name in mongo["crm_gateway"].list_collection_names():
        for row in mongo["crm_gateway"][name].find():
            assert word not in str(row), name


@pytest.mark.usefixtures("contact")
def test_a_change_and_its_event_are_one_transaction(stored, admin, mongo, contact):
    stale = admin.patch(contact["name"], {"tags": ["never"]}, '"1"')
    problem(stale, 412)
    stored.settled()

    # All as of one moment: what follows from earlier changes may still be going on.
    with mongo.start_session(snapshot=True) as moment:
        for database, collections in STORED.items():
            told = _versions_told(mongo[database], moment)
            for collection in collections:
                for row in _versions_stored(mongo[database][collection], moment):
                    versions = told.pop(row["_id"])
                    assert [number for number, _ in versions] == list(range(1, row["version"] + 1))
                    assert versions[-1][1] == row["update_time"]
            assert told == {}, "events tell of nothing that is not there"


def _versions_stored(collection: Any, moment: ClientSession) -> Iterator[dict[str, Any]]:
    shown = {"version": 1, "update_time": 1}
    yield from collection.find({}, shown, session=moment)


def _versions_told(database: Any, moment: ClientSession) -> dict[str, list[tuple[int, Any]]]:
    """By the id of each resource the versions that events tell of, and when they were made."""
    told: dict[str, list[tuple[int, Any]]] = {}
    shown = {"subject": 1, "sequence": 1, "time": 1}
    found = database["events"].find({}, shown, session=moment)
    for row in found.sort([("subject", 1), ("sequence", 1)]):
        versions = told.setdefault(row["subject"].rpartition("/")[2], [])
        versions.append((row["sequence"], row["time"]))
    return told


def test_an_event_carries_the_whole_resource_after_the_change(admin, broker, word):
    queue = broker.queue("crm.contacts.contact.*.v1")
    body = {"givenName": "Ann", "familyName": word, "tags": ["new"]}
    made = admin.post("/v1/contacts", body, X_Request_Id="request-of-mine").ok()
    changed = admin.patch(made["name"], {"givenName": "Eve"}, made["etag"]).ok()

    first, second = events_of(broker, queue, made["name"], 2)

    assert (first.word, first.sequence, first.time) == ("created", 1, _time(made))
    assert (second.word, second.sequence, second.time) == ("updated", 2, _time(changed))
    for event, resource in ((first, made), (second, changed)):
        assert event.data == resource
        assert admin.get(f"/v1/{made['name']}", readTime=resource["updateTime"]).ok() == resource
    assert set(second.paths) == {"displayName", "givenName"}
    assert first.correlationid == first.causationid == "request-of-mine"
    assert first.actor.startswith("apiKeys/")
    history = admin.get(f"/v1/{made['name']}:history").ok()["changes"]
    assert [change["event"] for change in history] == [second.id, first.id]
    told = {field["path"]: (field.get("before"), field["after"]) for field in history[0]["fields"]}
    assert told == {
        "givenName": ("Ann", "Eve"),
        "displayName": (f"Ann {word}", f"Eve {word}"),
    }


def _time(resource: dict[str, Any]) -> datetime:
    return parse_rfc3339(resource["updateTime"])


def events_of(broker: Broker, queue: str, subject: str, count: int) -> list[Event]:
    """The first so many events of a subject that come to a queue."""
    found: dict[str, Event] = {}

    def enough() -> bool:
        take_new(broker, queue, found)
        return len(of_subject(found, subject)) >= count

    wait_until(enough, what=f"{count} events of {subject}")
    return of_subject(found, subject)


def take_new(broker: Broker, queue: str, found: dict[str, Event]) -> None:
    """Add what a queue has to what was found: an event that comes again was there before."""
    for _, _, body in broker.messages(queue):
        event = from_cloudevent(body)
        found.setdefault(event.id, event)


def of_subject(found: dict[str, Event], subject: str) -> list[Event]:
    """The events of a subject in the order in which they were first seen."""
    return [event for event in found.values() if event.subject == subject]


def test_every_committed_event_is_published_in_order_per_resource(admin, broker, mongo, word):
    queue = broker.queue("crm.contacts.#")
    names = [admin.post("/v1/contacts", {"givenName": word}).ok()["name"] for _ in range(5)]
    for version in range(1, 10):
        for name in names:
            admin.patch(name, {"tags": [str(version)]}, f'"{version}"').ok()

    found: dict[str, Event] = {}

    def all_arrived() -> bool:
        take_new(broker, queue, found)
        return sum(event.subject in names for event in found.values()) >= 50

    wait_until(all_arrived, what="50 events")
    for name in names:
        assert [event.sequence for event in of_subject(found, name)] == list(range(1, 11))
    wait_until(lambda: mongo["crm_contacts"]["events"].find_one({"pending": True}) is None)


def test_every_published_event_takes_effect_once(admin, broker, mongo, contact):
    name = contact["name"]
    met = {"channel": "PHONE", "direction": "INBOUND", "subject": "Hello"}
    admin.post(f"/v1/{name}/interactions", met).ok()
    wait_until(lambda: len(entries(admin, name)) == 6)
    rows = list(mongo["crm_contacts"]["events"].find({"customers": name}))
    before = told_of(admin, name)

    for row in [*reversed(rows), *rows, *rows]:
        broker.publish(Event.from_row(row))
    later = admin.post(f"/v1/{name}/interactions", met).ok()
    wait_until(lambda: len(entries(admin, name)) == 7)
    after = told_of(admin, name)

    assert after[0][0]["subject"] == later["name"]
    assert after[0][1:] == before[0]
    assert (before[1], after[1]) == (1, 2)


def told_of(client, name: str) -> tuple[list[dict[str, Any]], int]:
    """The timeline, and how often the customer and the company were in touch."""
    view = view_of(client, name, sections="insights")["sections"]
    return entries(client, name), view["insights"]["data"]["interactionCount"]


def test_a_failing_event_is_never_dropped(admin, broker):
    body = f"no event: {new_id()}".encode()

    broker.send(EXCHANGE, "crm.contacts.contact.updated.v1", body)

    def find() -> dict[str, Any] | None:
        letters = admin.get("/v1/deadLetters", pageSize=1000).ok()["deadLetters"]
        said = base64.b64encode(body).decode()
        return next((letter for letter in letters if letter["body"] == said), None)

    letter = wait_until(find, what="the dead letter")
    assert letter["reason"]
    assert letter["state"] == "DEAD"
    assert letter == admin.get(f"/v1/{letter['name']}").ok()
    parked = admin.post(f"/v1/{letter['name']}:park").ok()
    given_up = admin.post(f"/v1/{letter['name']}:discard").ok()
    assert (parked["state"], given_up["state"]) == ("PARKED", "DISCARDED")


@pytest.mark.usefixtures("contact")
def test_nothing_leaks_from_the_loop(admin):
    def settled() -> dict[str, Any] | None:
        # What takes longer than half a minute, on a busy machine, is a difference until then.
        ledger = admin.post("/v1/ledger:reconcile", ALWAYS).ok()
        return ledger if ledger["inFlight"] == ledger["difference"] == 0 else None

    ledger = wait_until(settled, every=0.5, what="all events to be archived")

    assert {source["source"] for source in ledger["sources"]} >= set(DATABASES) - {"analytics"}
    for source in ledger["sources"]:
        counts = {source[stage] for stage in ("accepted", "stored", "published", "archived")}
        assert len(counts) == 1, source
        assert (source["missing"], source["gaps"], source["unavailable"]) == ([], [], "")


def test_a_partial_answer_says_so(admin, contact, person):
    name = contact["name"]
    grants = [{"resourceType": "contacts", "action": "READ", "level": "ALL"}]
    role = admin.post("/v1/roles", {"displayName": "Reader", "grants": grants}).ok()["name"]

    full = view_of(admin, name)
    partial = view_of(person(role).client, name)

    assert list(full["sections"]) == SECTIONS
    assert full["complete"] is True
    assert {section["status"] for section in full["sections"].values()} == {"ok"}
    assert partial["complete"] is False
    assert partial["sections"].keys() == full["sections"].keys()
    assert partial["sections"]["profile"]["data"] == admin.get(f"/v1/{name}").ok()
    for section in ("consents", "interactions", "deals", "cases", "campaigns"):
        assert partial["sections"][section] == {"status": "omitted", "reason": "DENIED"}
    problem(admin.get(f"/v1/contacts/{new_id()}:customerView"), 404, "NOT_FOUND")
