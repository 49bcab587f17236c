"""What is left behind when the dust has settled, looked at in the databases and over REST."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from faults.clients import Accepted, Import, Insisting, insisting
from pymongo import MongoClient

from crm_chassis.kernel.clock import now, rfc3339
from crm_chassis.testing.suite import Suite
from crm_chassis.testing.waiting import wait_until

Row = Mapping[str, Any]
# Which of the collections hold resources, and what their names are called.
STORED = {
    "crm_contacts": {
        "contacts": "contacts",
        "interactions": "interactions",
        "consents": "consents",
        "organizations": "organizations",
    },
    "crm_sales": {"deals": "deals"},
    "crm_service_desk": {"cases": "cases", "messages": "messages"},
    "crm_campaigns": {
        "audiences": "audiences",
        "members": "members",
        "campaigns": "campaigns",
        "deliveries": "deliveries",
    },
    "crm_gateway": {"teams": "teams"},
}
# How long the ledger may take.
LONG = 60.0
SOURCES = {
    "crm_contacts": "contacts",
    "crm_sales": "sales",
    "crm_service_desk": "service-desk",
    "crm_campaigns": "campaigns",
    "crm_gateway": "gateway",
}


@dataclass(frozen=True)
class Evidence:
    """What came about since a moment."""

    mongo: Any
    client: Insisting
    since: datetime

    def settle(self, timeout: float = 240) -> None:
        """Wait until all that is in a log is published and archived."""
        wait_until(lambda: not self.pending(), timeout, 0.1, "the logs to be published")
        wait_until(lambda: not self.unarchived(), timeout, 0.1, "the journal to be complete")

    def pending(self) -> int:
        """How many events of the logs are not published."""
        waiting = {"pending": True}
        return sum(self.mongo[name]["events"].count_documents(waiting) for name in SOURCES)

    def unarchived(self) -> set[str]:
        """The ids of events that a log has and the journal has not."""
        return {row["_id"] for row in self.logged()} - {row["_id"] for row in self.archived()}

    def logged(self) -> list[Row]:
        """The events of all logs."""
        shown = {"subject": 1, "sequence": 1, "time": 1}
        wanted = {"time": {"$gte": self.since}}
        return [row for name in SOURCES for row in self.mongo[name]["events"].find(wanted, shown)]

    def archived(self) -> list[Row]:
        """The events of the journal."""
        wanted = {"time": {"$gte": self.since}}
        return list(self.mongo["crm_analytics"]["journal"].find(wanted, {"data": 0}))

    def archived_since(self, moment: datetime) -> int:
        """How many events came into the journal since that moment."""
        wanted = {"archived": {"$gte": moment}}
        return int(self.mongo["crm_analytics"]["journal"].count_documents(wanted))

    def published_since(self, service: str, moment: datetime) -> int:
        """How many events of a service were marked as published since that moment."""
        wanted = {"published": {"$gte": moment}}
        return int(self.mongo[f"crm_{service}"]["events"].count_documents(wanted))

    def stored(self) -> dict[str, int]:
        """The resources of all services that came about, with their versions."""
        found = {}
        for name, collections in STORED.items():
            for collection, called in collections.items():
                rows = self.mongo[name][collection].find({"create_time": {"$gte": self.since}})
                found |= {_name_of(row, called): row["version"] for row in rows}
        return found

    def imported(self, done: Import) -> dict[str, str]:
        """The contacts that an import made: external id by name."""
        path = f"external_ids.{done.system}"
        rows = self.mongo["crm_contacts"]["contacts"].find({path: {"$exists": True}})
        return {f"contacts/{row['_id']}": row["external_ids"][done.system] for row in rows}

    def ledger(self, until: datetime | None = None) -> Any:
        """What the ledger says of the time since."""
        end = until or now() + timedelta(seconds=1)
        span = {"startTime": rfc3339(self.since), "endTime": rfc3339(end)}
        return self.client.post("ledger:reconcile", span)

    def ledger_of_all(self, until: datetime | None = None) -> Any:
        """The same; nothing while a source does not answer."""
        ledger = self.ledger(until)
        return None if any(source["unavailable"] for source in ledger["sources"]) else ledger

    def dead_letters(self) -> list[Row]:
        """The dead letters that came about."""

        def of_all() -> Any:
            listed = self.client.get("deadLetters", pageSize=1000)
            return None if listed["unavailable"] else listed

        listed = wait_until(of_all, what="a list to which every service answers")
        return [row for row in listed["deadLetters"] if row["lastTime"] >= rfc3339(self.since)]

    def timeline(self, customer: str) -> list[str]:
        """The ids of the events of a customer's timeline, newest first."""
        page = self.client.get(f"{customer}:timeline", pageSize=1000)
        return [entry["event"].rpartition("/")[2] for entry in page["entries"]]


@contextmanager
def evidence_since(suite: Suite, moment: datetime) -> Iterator[Evidence]:
    """What comes about from that moment on."""
    with MongoClient(suite.env["CRM_MONGODB_URI"], tz_aware=True) as mongo:
        yield Evidence(mongo, insisting(suite, Accepted(), LONG), moment)


def assert_all_is_well(evidence: Evidence, accepted: Accepted, done: Import) -> None:
    """What was accepted is there exactly once, in every stage, in order; and nothing else is."""
    evidence.settle()
    imported = evidence.imported(done)
    expected = {**accepted.versions, **dict.fromkeys(imported, 1)}
    wait_until(lambda: evidence.stored() == expected, every=0.2, what="what follows from events")
    evidence.settle()
    assert_resources_are(evidence, expected)
    assert sorted(imported.values()) == sorted(done.good)
    assert_history_is_whole(evidence, expected)
    assert_books_balance(evidence)
    assert_timelines_are_in_order(evidence, expected)
    assert [row for row in evidence.dead_letters() if row["state"] == "DEAD"] == []


def assert_import_is_done(done: Import) -> None:
    """It ended, and says what became of each row."""
    state = done.wait_for(lambda state: state["done"])
    assert "error" not in state
    told = {name: state["response"][name] for name in ("created", "failed", "skipped", "updated")}
    bad = done.rows - len(done.good)
    assert told == {"created": len(done.good), "failed": bad, "skipped": 0, "updated": 0}
    metadata = state["metadata"]
    assert int(metadata["succeeded"]) == len(done.good)
    assert int(metadata["processed"]) == int(metadata["total"]) == done.rows


def assert_resources_are(evidence: Evidence, expected: Mapping[str, int]) -> None:
    """Each is there at the version that was told, and none that nobody was told of."""
    stored = evidence.stored()
    assert stored.keys() - expected.keys() == set(), "nobody asked for these"
    assert expected.keys() - stored.keys() == set(), "these were lost"
    assert stored == expected


def assert_history_is_whole(evidence: Evidence, expected: Mapping[str, int]) -> None:
    """Each version of each resource is one event, the same one in log and journal."""
    logged, archived = evidence.logged(), evidence.archived()
    assert evidence.pending() == 0
    assert {row["_id"] for row in logged} == {row["_id"] for row in archived}
    versions: defaultdict[str, list[int]] = defaultdict(list)
    for row in sorted(archived, key=lambda row: row["time"]):
        versions[row["subject"]].append(row["sequence"])
    assert versions == {name: list(range(1, last + 1)) for name, last in expected.items()}


def assert_books_balance(evidence: Evidence) -> None:
    """The ledger accounts for every event of every source."""
    ledger = wait_until(evidence.ledger_of_all, what="a ledger to which every source answers")
    assert {source["source"] for source in ledger["sources"]} >= set(SOURCES.values())
    assert (ledger["difference"], ledger["inFlight"]) == (0, 0)
    for source in ledger["sources"]:
        stages = {source[name] for name in ("accepted", "stored", "published", "archived")}
        assert len(stages) == 1, source


def assert_timelines_are_in_order(evidence: Evidence, expected: Mapping[str, int]) -> None:
    """The events of each customer that was changed, newest first, none twice, none missing."""
    of_customer: defaultdict[str, list[Row]] = defaultdict(list)
    for row in evidence.archived():
        for customer in row["customers"]:
            of_customer[customer].append(row)
    changed = [name for name in of_customer if expected.get(name, 0) > 1]
    for customer in changed[:: max(1, len(changed) // 20)]:
        rows = sorted(of_customer[customer], key=lambda row: (row["time"], row["_id"]))
        assert evidence.timeline(customer) == [row["_id"] for row in reversed(rows)]


def _name_of(row: Row, collection: str) -> str:
    own = f"{collection}/{row['_id']}"
    return f"{row['container']}/{own}" if row.get("container") else own
