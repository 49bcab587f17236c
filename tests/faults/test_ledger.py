"""The ledger finds what somebody took away by hand, and says where it is missing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from faults.clients import Accepted, insisting
from faults.evidence import Evidence, evidence_since
from pymongo.collection import Collection

from crm_chassis.kernel.clock import now, parse_rfc3339
from crm_chassis.testing.waiting import wait_until

STAGES = ["ACCEPTED", "STORED", "PUBLISHED", "ARCHIVED"]
# Younger events are only on their way (contracts 4).
SETTLED = timedelta(seconds=31)


@dataclass(frozen=True)
class Past:
    """A contact of three versions and an interaction, all older than what is on its way."""

    evidence: Evidence
    until: datetime
    contact: str
    interaction: str

    def rows(self, stage: str) -> Collection[Any]:
        """The rows that show that stage of an event."""
        mongo = self.evidence.mongo
        return {
            "ACCEPTED": mongo["crm_contacts"]["receipts"],
            "STORED": mongo["crm_contacts"]["events"],
            "ARCHIVED": mongo["crm_analytics"]["journal"],
        }[stage]

    def event(self, subject: str, sequence: int) -> str:
        """The id of a version's event."""
        wanted = {"subject": subject, "sequence": sequence}
        return str(self.rows("ARCHIVED").find_one(wanted)["_id"])

    def ledger(self) -> Any:
        """What the ledger says of the time in which all that happened."""
        ledger = wait_until(lambda: self.evidence.ledger_of_all(self.until), what="all sources")
        [contacts] = [one for one in ledger["sources"] if one["source"] == "contacts"]
        assert ledger["difference"] == contacts["difference"]
        return contacts

    @contextmanager
    def without(self, *taken: tuple[str, Mapping[str, Any]]) -> Iterator[None]:
        """Rows are gone within the block: each by its stage and a condition."""
        kept = []
        try:
            for stage, condition in taken:
                row = self.rows(stage).find_one_and_delete(condition)
                assert row is not None, stage
                kept.append((stage, row))
            yield
        finally:
            for stage, row in kept:
                self.rows(stage).insert_one(row)


@pytest.fixture(scope="module")
def past(suite, old_customer) -> Iterator[Past]:
    """What the first test of these folders left; the ledger has nothing to say of it."""
    since = parse_rfc3339(old_customer["createTime"])
    contact = old_customer["name"]
    with evidence_since(suite, since) as evidence:
        [interaction] = insisting(suite, Accepted()).get(f"{contact}/interactions")["interactions"]
        last = parse_rfc3339(interaction["createTime"])
        until = last + timedelta(milliseconds=1)
        wait_until(lambda: now() > until + SETTLED, every=0.2, what="all to be settled")
        past = Past(evidence, until, contact, interaction["name"])
        assert untouched(past.ledger())
        yield past
        assert untouched(past.ledger())


def untouched(ledger: Mapping[str, Any]) -> bool:
    return (ledger["difference"], ledger["gaps"], ledger["accepted"]) == (0, [], 4)


def gap(event: str, subject: str, sequence: int, *present: str) -> dict[str, Any]:
    absent = [stage for stage in STAGES if stage not in present]
    told = {"event": event, "subject": subject, "sequence": sequence}
    return {**told, "present": list(present), "absent": absent}


@pytest.mark.parametrize(
    ("stage", "present"),
    [
        ("STORED", ["ACCEPTED", "ARCHIVED"]),
        ("ARCHIVED", ["ACCEPTED", "STORED", "PUBLISHED"]),
    ],
)
def test_an_event_that_is_gone_from_one_stage_is_named(past, stage, present):
    event = past.event(past.contact, 2)

    with past.without((stage, {"_id": event})):
        ledger = past.ledger()

    assert ledger["difference"] == 1
    assert ledger["missing"] == [event]
    assert ledger["gaps"] == [gap(event, past.contact, 2, *present)]


def test_an_event_without_a_receipt_was_promised_to_nobody(past):
    event = past.event(past.interaction, 1)

    with past.without(("ACCEPTED", {"events.id": event})):
        ledger = past.ledger()

    assert (ledger["difference"], ledger["missing"]) == (1, [event])
    assert ledger["gaps"] == [gap(event, past.interaction, 1, "STORED", "PUBLISHED", "ARCHIVED")]


@pytest.mark.parametrize("sequence", [2, 3])
def test_a_version_that_is_gone_from_all_stages_is_missed(past, sequence):
    event = past.event(past.contact, sequence)
    everywhere = [(stage, {"_id": event}) for stage in ("STORED", "ARCHIVED")]

    with past.without(("ACCEPTED", {"events.id": event}), *everywhere):
        ledger = past.ledger()

    assert (ledger["difference"], ledger["missing"]) == (1, [])
    assert ledger["gaps"] == [gap("", past.contact, sequence)]


def test_several_are_counted_and_named_each(past):
    first, second = past.event(past.contact, 1), past.event(past.interaction, 1)

    with past.without(("STORED", {"_id": first}), ("ARCHIVED", {"_id": second})):
        ledger = past.ledger()

    assert ledger["difference"] == 2
    assert sorted(ledger["missing"]) == sorted([first, second])
    counts = {name: ledger[name] for name in ("accepted", "stored", "published", "archived")}
    assert counts == {"accepted": 4, "stored": 3, "published": 3, "archived": 3}


@pytest.mark.usefixtures("past")
def test_all_that_happened_to_the_suite_so_far_is_accounted_for(suite):
    with evidence_since(suite, parse_rfc3339("2020-01-01T00:00:00Z")) as evidence:
        until = now() - SETTLED

        def settled():
            # What takes longer, on a busy machine, is a difference until then.
            ledger = evidence.ledger_of_all(until)
            return ledger and ledger["difference"] == 0 and ledger

        ledger = wait_until(settled, every=0.5, what="a ledger without a difference")

    assert sum(one["accepted"] for one in ledger["sources"]) > 0
