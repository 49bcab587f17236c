"""The ledger over gRPC: a real server of analytics, and one that counts like any service."""

from datetime import timedelta
from threading import Event

import pytest
from crm.analytics.v1 import ledger_pb2, ledger_pb2_grpc
from crm.api.v1 import ledger_pb2_grpc as counts_pb2_grpc
from crm.contacts.v1 import contacts_pb2

from crm_analytics.api import services
from crm_analytics.journal.documents import journal
from crm_analytics.ledger.asking import Sources
from crm_analytics.ledger.servicer import LedgerServicer
from crm_analytics.testing import a_contact, an_event, happen
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.errors import Forbidden, Invalid, Unavailable
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.resources.document import Resource
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.shared import LedgerCountServicer
from crm_chassis.testing.calls import a_principal
from crm_chassis.testing.grpc import make_keys, serving

START = now() - timedelta(hours=1)
END = START + timedelta(minutes=50)
STAGES = ledger_pb2.LedgerGap


def at(minutes):
    return START + timedelta(minutes=minutes)


class Contact(Resource):
    """What the contacts service stores, as far as its ledger looks at it."""

    message = contacts_pb2.Contact
    meta = {"collection": "contacts"}


@pytest.fixture
def ledger(tmp_path):
    """A ledger that asks contacts by small pages; the log of contacts is in the same database."""
    keys = make_keys(tmp_path, ("gateway", "contacts", "analytics"))
    counts = counts_pb2_grpc.add_LedgerCountServiceServicer_to_server
    with serving(
        keys, "contacts", [(counts, LedgerCountServicer("contacts", (Contact,)))]
    ) as contacts:
        peers = Peers(keys.signer("analytics"), {"contacts": contacts.address})
        own = LedgerServicer(Sources(peers, page_size=3))
        add = ledger_pb2_grpc.add_LedgerServiceServicer_to_server
        with serving(keys, "analytics", [(add, own)]) as analytics:
            yield analytics
        peers.close()


def reconcile(ledger, caller=None, start=START, end=END, timeout=60):
    stub = ledger.stub(ledger_pb2_grpc.LedgerServiceStub, caller)
    return stub.ReconcileLedger(
        ledger_pb2.ReconcileLedgerRequest(start_time=start, end_time=end), timeout=timeout
    )


def announce(*events, receipt=True):
    """Store events in the log of contacts, published, with one receipt for all."""
    told = [
        {"id": each.id, "subject": each.subject, "sequence": each.sequence, "time": each.time}
        for each in events
    ]
    log = [{**event.to_row(), "published": event.time} for event in events]
    service_database()["events"].insert_many(log)
    if receipt:
        service_database()["receipts"].insert_one({"_id": new_id(), "events": told})


def some_events(count=8):
    contact = a_contact()
    return [an_event(contact, sequence=n + 1, time=at(n)) for n in range(count)]


def test_an_hour_in_which_nothing_was_lost_is_in_balance(ledger):
    events = some_events()
    announce(*events, an_event(a_contact(), time=at(55)))
    happen(*events)

    answer = reconcile(ledger)

    (source,) = answer.sources
    counts = (source.accepted, source.stored, source.published, source.archived)
    assert source.source == "contacts"
    assert counts == (8, 8, 8, 8)
    assert (source.difference, source.in_flight, list(source.missing)) == (0, 0, [])
    assert (answer.difference, answer.in_flight, source.unavailable) == (0, 0, "")


def test_many_events_of_one_millisecond_are_told_apart(ledger):
    events = [an_event(a_contact(), time=at(n // 7)) for n in range(20)]
    announce(*events[:10])
    announce(*events[10:])
    happen(*events)

    (source,) = reconcile(ledger).sources

    assert (source.accepted, source.stored, source.archived) == (20, 20, 20)
    assert source.difference == 0


def test_what_each_stage_lacks_is_named(ledger):
    unpromised, unstored, unpublished, unarchived, fine = events = some_events(5)
    announce(unpromised, receipt=False)
    announce(*events[1:])
    happen(unpromised, unstored, unpublished, fine)
    log = service_database()["events"]
    log.delete_one({"_id": unstored.id})
    log.update_one({"_id": unpublished.id}, {"$unset": {"published": 1}, "$set": {"pending": True}})

    answer = reconcile(ledger)

    (source,) = answer.sources
    assert list(source.missing) == [event.id for event in events[:4]]
    assert [list(gap.absent) for gap in source.gaps] == [
        [STAGES.ACCEPTED],
        [STAGES.STORED, STAGES.PUBLISHED],
        [STAGES.PUBLISHED],
        [STAGES.ARCHIVED],
    ]
    assert source.gaps[3].subject == unarchived.subject
    assert answer.difference == source.difference == 4


def test_a_log_row_that_vanished_with_its_receipt_is_still_missed(ledger):
    events = some_events(4)
    announce(*events)
    happen(*events)
    gone = {"_id": events[1].id}
    service_database()["events"].delete_one(gone)
    service_database()["receipts"].update_one({}, {"$pull": {"events": {"id": events[1].id}}})

    (in_journal,) = reconcile(ledger).sources
    journal().delete_one(gone)
    (nowhere,) = reconcile(ledger).sources

    assert list(in_journal.missing) == [events[1].id]
    assert list(in_journal.gaps[0].present) == [STAGES.ARCHIVED]
    (hole,) = nowhere.gaps
    assert (hole.event, hole.subject, hole.sequence) == ("", events[1].subject, 2)
    assert not hole.present
    assert nowhere.difference == 1


def test_the_version_before_the_span_must_be_in_the_journal(ledger):
    early, later = some_events(2)
    announce(early, later)
    happen(early, later)

    (fine,) = reconcile(ledger, start=at(1)).sources
    service_database()["events"].delete_one({"_id": early.id})
    service_database()["receipts"].update_one({}, {"$pull": {"events": {"id": early.id}}})
    journal().delete_one({"_id": early.id})
    (source,) = reconcile(ledger, start=at(1)).sources

    assert fine.difference == 0
    assert [(gap.subject, gap.sequence) for gap in source.gaps] == [(early.subject, 1)]


def test_a_resource_without_any_event_of_its_version_is_missed(ledger):
    told, archived, lost = (an_event(a_contact(), time=at(n)) for n in range(3))
    announce(told)
    happen(told, archived)
    for event in (told, archived, lost):
        key = event.subject.rsplit("/", 1)[-1]
        Contact.rows().insert_one({"_id": key, "version": 1, "update_time": event.time})

    (source,) = reconcile(ledger).sources

    assert [(gap.event, gap.subject) for gap in source.gaps] == [
        (archived.id, archived.subject),
        ("", lost.subject),
    ]
    assert (source.difference, source.stored, source.archived) == (2, 1, 2)


def test_events_on_their_way_are_in_flight(ledger):
    young = an_event(a_contact(), time=now())
    announce(young)

    answer = reconcile(ledger, end=now() + timedelta(minutes=1))

    assert (answer.in_flight, answer.difference) == (1, 0)
    assert answer.sources[0].archived == 0


def test_a_source_that_nobody_can_ask_is_named_and_not_in_balance(ledger):
    events = [an_event(a_contact(), time=at(1), source="/crm/sales") for _ in range(3)]
    happen(*events)

    answer = reconcile(ledger)

    contacts, sales = answer.sources
    assert (contacts.unavailable, contacts.difference) == ("", 0)
    assert (sales.source, sales.unavailable) == ("sales", "UNAVAILABLE")
    assert (sales.archived, sales.difference) == (3, 3)
    assert answer.difference == 3


def test_a_source_that_is_down_does_not_hide_the_others(tmp_path):
    keys = make_keys(tmp_path, ("gateway", "contacts", "analytics"))
    peers = Peers(keys.signer("analytics"), {"contacts": "127.0.0.1:9", "gateway": "127.0.0.1:9"})

    with serving(keys, "analytics", services(peers)) as analytics:
        answer = reconcile(analytics)
    peers.close()

    assert [source.source for source in answer.sources] == ["contacts", "gateway"]
    assert all(source.unavailable for source in answer.sources)
    assert answer.difference == 2


class Silent(counts_pb2_grpc.LedgerCountServiceServicer):
    """A service that does not answer before it is told to stop."""

    def __init__(self):
        self.stop = Event()

    def ListLedgerEntries(self, request, context):  # noqa: N802 - gRPC names it so
        self.stop.wait(120)
        raise Unavailable("It was stopped.")


def test_a_source_that_is_too_slow_is_given_up_within_the_callers_deadline(tmp_path):
    keys, silent = make_keys(tmp_path, ("gateway", "contacts", "analytics")), Silent()
    happen(an_event(a_contact(), time=at(1)))
    add = counts_pb2_grpc.add_LedgerCountServiceServicer_to_server

    with serving(keys, "contacts", [(add, silent)]) as contacts:
        peers = Peers(keys.signer("analytics"), {"contacts": contacts.address})
        with serving(keys, "analytics", services(peers)) as analytics:
            (source,) = reconcile(analytics, timeout=5).sources
        silent.stop.set()
        peers.close()

    assert (source.unavailable, source.archived, source.difference) == ("TIMEOUT", 1, 1)


def test_only_who_may_read_the_ledger_is_answered(ledger):
    with pytest.raises(Forbidden):
        reconcile(ledger, a_principal(CREATE="ALL"))
    with pytest.raises(Invalid) as refused:
        reconcile(ledger, start=END, end=START)

    assert refused.value.flaws[0].field == "end_time"
