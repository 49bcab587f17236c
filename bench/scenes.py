"""What is there before something is measured: customers with a past, rows of a file, events."""

import io
import itertools
import json
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pika
from pymongo import MongoClient

from bench.stack import BenchStack
from crm_chassis.mongo.outbox import INDEX
from crm_chassis.testing.suite import Client
from crm_chassis.testing.waiting import wait_until

LOGS = ("crm_contacts", "crm_sales", "crm_service_desk", "crm_campaigns")
# Where the events of contacts go.
QUEUES = [
    "analytics.anything-happened",
    "campaigns.contacts-changed",
    "sales.contacts-changed",
    "service-desk.contacts-changed",
]
INTERACTIONS = 50
ENTRIES = 100
COLUMNS = {
    "given": "givenName",
    "family": "familyName",
    "mail": "emails[0].address",
    "phone": "phones[0].number",
    "street": "addresses[0].addressLines[0]",
    "town": "addresses[0].locality",
    "postcode": "addresses[0].postalCode",
    "born": "birthDate",
    "id": "externalIds.bench",
}


def a_customer(client: Client) -> str:
    """The name of a contact with 50 interactions and 100 entries in its timeline."""
    contact = client.post("/v1/contacts", {"givenName": "Ann", "familyName": "Bench"}).ok()
    name: str = contact["name"]
    for number in range(INTERACTIONS):
        interaction = {"channel": "PHONE", "direction": "INBOUND", "subject": f"Call {number}"}
        client.post(f"/v1/{name}/interactions", interaction).ok()
    for number in range(ENTRIES - INTERACTIONS - 1):
        contact = client.patch(name, {"tags": [f"t{number}"]}, contact["etag"]).ok()
    wait_until(lambda: len(client.get(f"/v1/{name}:timeline").ok()["entries"]) == ENTRIES)
    return name


def a_full_customer(client: Client) -> str:
    """The same with 20 deals and 20 cases."""
    name = a_customer(client)
    for number in range(20):
        deal = {"displayName": f"Deal {number}", "contacts": [{"contact": name}]}
        deal["amount"] = {"currencyCode": "EUR", "units": f"{number + 1}00"}
        client.post("/v1/deals", deal).ok()
        client.post("/v1/cases", {"subject": f"Case {number}", "contact": name}).ok()
    entries = ENTRIES + 2 * 20
    wait_until(
        lambda: len(client.get(f"/v1/{name}:timeline", pageSize=1000).ok()["entries"]) == entries,
        30,
    )
    return name


def an_audience(client: Client, size: int) -> str:
    """The name of an audience of people who all want the newsletter."""
    consent = {"purpose": "newsletter", "channel": "EMAIL", "state": "GRANTED"}
    names = []
    for number in range(size):
        body = {"givenName": f"Ann {number}", "emails": [{"address": f"a{number}@example.com"}]}
        names.append(client.post("/v1/contacts", body).ok()["name"])
        client.post(f"/v1/{names[-1]}/consents", consent).ok()
    audience: str = client.post("/v1/audiences", {"displayName": "Bench"}).ok()["name"]
    for begin in range(0, size, 500):
        some = {"contacts": names[begin : begin + 500]}
        client.post(f"/v1/{audience}:addContacts", some).ok()
    return audience


def contact_bodies() -> Iterator[bytes]:
    """Contacts to post, no two alike."""
    for number in itertools.count():
        word = f"{number:x}{uuid.uuid4().hex[:8]}"
        yield json.dumps(
            {
                "givenName": "Ann",
                "familyName": word,
                "emails": [{"address": f"{word}@example.com", "kind": "WORK", "primary": True}],
                "phones": [{"number": "+41446681800"}],
                "tags": ["bench"],
            }
        ).encode()


def contacts_file(rows: int, run: str) -> bytes:
    """A CSV file of people; `run` keeps their external ids apart from another run's."""
    chance = random.Random(7)
    file = io.StringIO()
    file.write(",".join(COLUMNS) + "\n")
    for number in range(rows):
        street, town = chance.randrange(900), chance.randrange(300)
        file.write(
            f"Given{number % 997},Family{number},p{number}@example.com,+4144{number:07},"
            f"{street} High Street,Town {town},{town + 1000},"
            f"19{number % 90 + 10}-05-{number % 28 + 1:02},"
            f"{run}-{number}\n"
        )
    return file.getvalue().encode()


def import_contacts(client: Client, content: bytes) -> str:
    """Upload a file of `contacts_file`; the name of the operation that imports it."""
    boundary = uuid.uuid4().hex
    parts = [
        (b'name="config"', b"application/json", json.dumps({"columns": COLUMNS}).encode()),
        (b'name="file"; filename="people.csv"', b"text/csv", content),
    ]
    body = b"".join(
        b"--%s\r\nContent-Disposition: form-data; %s\r\nContent-Type: %s\r\n\r\n%s\r\n"
        % (boundary.encode(), name, kind, part)
        for name, kind, part in parts
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = client.ask(
        "POST", "/v1/contacts:import", body + b"--%s--\r\n" % boundary.encode(), headers=headers
    )
    name: str = answer.ok()["name"]
    return name


def wait_for_operation(client: Client, name: str, rows: int, seconds: float) -> None:
    """Wait until an import has ended, and see that it took every row."""
    operation = wait_until(
        lambda: (found := client.get(f"/v1/{name}").ok())["done"] and found, seconds, 0.1
    )
    if operation.get("response", {}).get("created") != rows:
        raise RuntimeError(f"the import ended with {operation}")


def drained(stack: BenchStack) -> None:
    """Wait until every event is in the journal, and nobody is busy with one any more."""
    with MongoClient(stack.suite.env["CRM_MONGODB_URI"]) as mongo:
        wait_until(
            lambda: (
                not any(is_pending(mongo[name]["events"]) for name in LOGS)
                and mongo["crm_contacts"]["events"].estimated_document_count()
                <= mongo["crm_analytics"]["journal"].count_documents({"source": "/crm/contacts"})
            ),
            timeout=600,
            every=0.1,
        )
    broker = pika.BlockingConnection(pika.URLParameters(stack.suite.env["CRM_RABBITMQ_URI"]))
    channel = broker.channel()
    wait_until(lambda: not any(_waiting(channel, queue) for queue in QUEUES), 600, 0.2)
    broker.close()


def _waiting(channel: Any, queue: str) -> int:
    count: int = channel.queue_declare(queue, passive=True).method.message_count
    return count


def is_pending(events: Any) -> bool:
    """Whether the log has an event that is not published.

    The newest is looked for: from the oldest end of the index those just published are in the way.
    """
    newest = {"sort": [("time", -1)], "hint": INDEX}
    return events.find_one({"pending": True}, {"_id": 1}, **newest) is not None
