"""A suite restored from a backup has all that was, and consumers get what they lack once more."""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from contract import whole
from faults.clients import Accepted, Insisting, insisting
from faults.evidence import Evidence, evidence_since
from faults.processes import frozen

from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.testing.suite import Client, Suite
from crm_chassis.testing.waiting import wait_until

CRMCTL = Path(sys.executable).with_name("crmctl")
ADMINISTRATOR = "admin@example.com"
# What a view tells of itself, not of the customer.
OF_THE_ANSWER = ("asOf", "reason")


@dataclass(frozen=True)
class Before:
    """What was known when the backup was made: `late` was on its way, `lost` came later."""

    begun: datetime
    key: str
    views: dict[str, Any]
    late: str
    lost: str


@pytest.fixture
def before(suite, word, tmp_path, stack) -> Before:
    """Customers, a backup while some of their events are only in a queue, and more customers."""
    begun, client = now(), insisting(suite, Accepted())
    customers = [a_customer(client, word) for _ in range(2)]
    with evidence_since(suite, begun) as evidence:
        evidence.settle()
        views = {name: view_of(suite.client(), name) for name in customers}
        key = a_key(client)
        with frozen(suite, "analytics/consumer"):
            late = a_customer(client, word)
            wait_until(lambda: not evidence.pending(), every=0.1, what="the logs to be published")
            stack.do("backup", "--folder", str(tmp_path / "backup"))
        lost = a_customer(client, word)
        evidence.settle()
        views[late] = view_of(suite.client(), late)
    return Before(begun, key, views, late, lost)


def a_customer(client: Insisting, word: str) -> str:
    """A contact with a call, a deal that is won and a case."""
    contact = client.create("/v1/contacts", {"givenName": "Ann", "familyName": word})["name"]
    said = {"channel": "PHONE", "direction": "INBOUND", "subject": word}
    client.create(f"/v1/{contact}/interactions", said)
    told = {"displayName": word, "contacts": [{"contact": contact}]}
    client.act(client.create("/v1/deals", told), "win")
    client.create("/v1/cases", {"subject": word, "contact": contact})
    wait_until(lambda: client.get(contact).get("lifecycleStage") == "CUSTOMER", every=0.1)
    return str(contact)


def a_key(client: Insisting) -> str:
    """An administrator's key, made before the backup."""
    [user] = client.get("users", filter=f'email = "{ADMINISTRATOR}"')["users"]
    made = client.create("/v1/apiKeys", {"user": user["name"], "displayName": "restore"})
    return str(made["secret"])


def view_of(client: Client, customer: str) -> dict[str, Any]:
    """The sections of a whole view of a customer."""
    view = whole.view_of(client, customer)
    assert {section["status"] for section in view["sections"].values()} == {"ok"}
    return {
        name: {key: value for key, value in section.items() if key not in OF_THE_ANSWER}
        for name, section in view["sections"].items()
    }


def replay(suite: Suite, key: str, begin: datetime) -> str:
    """What an operator types after a restore."""
    command = [str(CRMCTL), "ledger", "replay", "--from", rfc3339(begin)]
    told = {**os.environ, "CRM_URL": suite.env["CRM_URL"], "CRM_API_KEY": key}
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def take_from_the_journal(evidence: Evidence, customer: str) -> int:
    """Take away what the journal has of a customer's own changes; gives how much that was."""
    journal = evidence.mongo["crm_analytics"]["journal"]
    return int(journal.delete_many({"subject": customer}).deleted_count)


def test_what_was_is_there_again_and_what_consumers_lack_is_published_again(
    before, empty_stack, tmp_path
):
    empty_stack.do("restore", "--folder", str(tmp_path / "backup"))
    restored = empty_stack.suite
    client = restored.client(before.key)
    first = next(iter(before.views))
    with evidence_since(restored, before.begun) as evidence:
        until, taken = now(), take_from_the_journal(evidence, first)

        def ledger() -> Any:
            span = {"startTime": rfc3339(before.begun), "endTime": rfc3339(until)}
            told = client.post("/v1/ledger:reconcile", span).ok()
            is_late = any(source["unavailable"] for source in told["sources"])
            return None if is_late or told["inFlight"] else told

        lacking = wait_until(ledger, every=0.5, what="all to be settled")
        # What was not published yet when the backup was made has been by now.
        unarchived = evidence.unarchived()
        said = replay(restored, before.key, before.begun)
        complete = wait_until(
            lambda: (told := ledger()) and told["difference"] == 0 and told,
            every=0.2,
            what="all to be archived",
        )
        twice = len(evidence.archived()) - len({row["_id"] for row in evidence.archived()})

    assert 0 < taken < len(unarchived)
    assert lacking["difference"] == len(unarchived)
    assert any(row.split() == ["contacts", str(whole_of(complete))] for row in said.splitlines())
    assert twice == 0
    assert {name: view_of(client, name) for name in before.views} == before.views
    assert client.get(f"/v1/{before.lost}").status == 404


def whole_of(ledger: Any) -> int:
    """How many events contacts has published."""
    [contacts] = [each for each in ledger["sources"] if each["source"] == "contacts"]
    return int(contacts["published"])
