"""What every change keeps: one transaction, one effect per key, a receipt for each promise."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from crm.contacts.v1 import contacts_pb2

from crm_chassis.events.canonical import datahash
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import KeyInUse, KeyReused, Refusal
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.mongo.idempotency import Replay
from crm_chassis.resources.known import find_known, keep_rows, known_row
from crm_chassis.resources.ledger import entries, position_of
from crm_chassis.resources.transaction import as_call, in_transaction
from crm_chassis.telemetry.context import Idempotency
from crm_chassis.testing.calls import a_call
from crm_contacts.contacts.commands import create_contact
from crm_contacts.contacts.documents import Contact
from crm_contacts.testing import a_contact


def with_key(key, fingerprint="same"):
    call = a_call(idempotency=Idempotency(key, fingerprint))
    return as_call(call, create_contact, Contact(given_name="Ann"))


def test_a_repeated_request_gets_the_first_answer_and_has_no_effect():
    first = with_key("k")

    with pytest.raises(Replay) as replayed:
        with_key("k")

    answer = contacts_pb2.Contact.FromString(replayed.value.answer)
    assert answer.name == first.name
    assert Contact.rows().count_documents({}) == 1


def test_a_key_that_was_used_for_another_request_is_refused():
    with_key("k")

    with pytest.raises(KeyReused):
        with_key("k", fingerprint="other")


def test_many_requests_with_one_key_at_once_have_one_effect():
    def ask(_):
        try:
            return with_key("k").name
        except Replay as replayed:
            return contacts_pb2.Contact.FromString(replayed.answer).name
        except KeyInUse:
            return None

    with ThreadPoolExecutor(8) as pool:
        names = set(pool.map(ask, range(24))) - {None}

    assert len(names) == 1
    assert Contact.rows().count_documents({}) == 1


def test_a_command_that_fails_at_its_end_leaves_nothing():
    def fail(tx):
        create_contact(tx, Contact(given_name="Ann"))
        raise Refusal("no")

    with pytest.raises(Refusal):
        in_transaction(fail)

    for name in ("contacts", "events", "receipts", "external_ids"):
        assert service_database()[name].count_documents({}) == 0


def test_an_event_verifies_against_its_hash_as_it_comes_back_from_the_log():
    a_contact(tags=["ä", "b"], birth_date="2000-02-29")

    event = service_database()["events"].find_one()

    assert event["datahash"] == datahash(event["salt"], event["data"])


def test_the_ledger_names_a_log_row_and_a_receipt_that_are_gone():
    start = now() - timedelta(minutes=1)
    for _ in range(3):
        a_contact()
    events = [row["_id"] for row in service_database()["events"].find().sort("_id", 1)]

    service_database()["events"].delete_one({"_id": events[0]})
    service_database()["receipts"].delete_one({"events.id": events[2]})

    found = entries(start, now() + timedelta(minutes=1), "", 10)
    stages = [(entry["accepted"], entry["stored"]) for entry in found]
    assert [entry["event"] for entry in found] == events
    assert stages == [(True, False), (True, True), (False, True)]


def test_the_ledger_is_read_in_pages_that_miss_nothing():
    start, end = now() - timedelta(minutes=1), now() + timedelta(minutes=1)
    for _ in range(5):
        a_contact()

    first = entries(start, end, "", 2)
    second = entries(start, end, position_of(first[-1]), 10)

    ids = [entry["event"] for entry in first + second]
    assert ids == sorted(ids)
    assert len(set(ids)) == 5


def test_a_version_that_nothing_tells_of_is_missed():
    start, end = now() - timedelta(minutes=1), now() + timedelta(minutes=1)
    ann, bob, *_ = [a_contact() for _ in range(5)]
    service_database()["events"].delete_one({"subject": ann.name})
    service_database()["receipts"].delete_one({"events.subject": ann.name})
    service_database()["events"].delete_one({"subject": bob.name})

    found = entries(start, end, "", 2, (Contact,))
    rest = entries(start, end, position_of(found[-1]), 10, (Contact,))

    lost = [entry for entry in found + rest if not entry["event"]]
    assert [(entry["subject"], entry["sequence"]) for entry in lost] == [(ann.name, 1)]
    assert len(found + rest) == 5


def test_what_is_known_is_never_overwritten_by_something_older():
    name = f"contacts/{new_id()}"
    rows = [
        known_row({"name": name, "displayName": text, "owner": "users/1"}, sequence)
        for text, sequence in (("second", 2), ("first", 1), ("third", 3))
    ]

    for row in rows:
        keep_rows([row])
    keep_rows(rows)

    found = find_known(name)
    assert found is not None
    assert found.display_name == "third"
