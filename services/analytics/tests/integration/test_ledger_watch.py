"""The watch over the ledger: every minute is looked at, and what is missing is a metric."""

from datetime import timedelta

import pytest
from crm.api.v1 import ledger_pb2_grpc as counts_pb2_grpc

from crm_analytics import metrics
from crm_analytics.journal.documents import journal
from crm_analytics.ledger.asking import Sources
from crm_analytics.ledger.commands import claim_watch
from crm_analytics.ledger.documents import minutes, watches
from crm_analytics.ledger.jobs import Watch
from crm_analytics.ledger.queries import watched_until
from crm_analytics.ledger.rules import minute_of
from crm_analytics.testing import a_contact, an_event, happen
from crm_chassis.kernel.clock import now
from crm_chassis.kernel.ids import new_id
from crm_chassis.mongo.connection import database as service_database
from crm_chassis.rpc.channels import Peers
from crm_chassis.rpc.shared import LedgerCountServicer
from crm_chassis.testing.grpc import make_keys, serving

NOBODY = "127.0.0.1:9"
COUNTS = counts_pb2_grpc.add_LedgerCountServiceServicer_to_server


@pytest.fixture
def keys(tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "_TOGETHER", -1.0)
    monkeypatch.setattr(metrics, "_ledger", metrics._Ledger())
    yield make_keys(tmp_path, ("gateway", "contacts", "analytics"))
    for gauge in (metrics.LEDGER_ACCEPTED, metrics.LEDGER_MISSING, metrics.LEDGER_CHECKED):
        gauge.clear()


@pytest.fixture
def contacts(keys):
    """A service that counts; its log is in the same database as the journal."""
    with serving(keys, "contacts", [(COUNTS, LedgerCountServicer("contacts"))]) as contacts:
        yield contacts.address


@pytest.fixture
def watch(keys, contacts):
    peers = Peers(keys.signer("analytics"), {"contacts": contacts})
    yield Watch(Sources(peers, page_size=3))
    peers.close()


def begin(ago=timedelta(minutes=8)):
    """Let the watch begin so long ago; gives that moment."""
    since = minute_of(now() - ago)
    watches().update_one({}, {"$set": {"since": since}})
    return since


def look_again(watch):
    """Look as if everything were due."""
    minutes().update_many({}, {"$set": {"again": now()}})
    look(watch)


def look(watch):
    """Look as often as there is something to look at."""
    watches().update_one({}, {"$set": {"ready": now()}})
    while watch.look():
        pass


def some_events(since, count=4):
    """Events of contacts a minute apart, in log, receipts and journal."""
    at = [since + timedelta(minutes=number, seconds=20) for number in range(count)]
    events = [an_event(a_contact(), time=moment) for moment in at]
    names = ("subject", "sequence", "time")
    told = [{"id": one.id, **{name: getattr(one, name) for name in names}} for one in events]
    log = [{**event.to_row(), "published": event.time} for event in events]
    service_database()["events"].insert_many(log)
    service_database()["receipts"].insert_one({"_id": new_id(), "events": told})
    happen(*events)
    return events


def figure(name, source="contacts"):
    gauge = getattr(metrics, f"LEDGER_{name.upper()}")
    [family] = gauge.collect()
    [value] = [one.value for one in family.samples if one.labels == {"source": source}]
    return value


def test_every_settled_minute_has_a_row_and_is_counted(watch):
    since = begin()
    some_events(since)

    look(watch)

    rows = list(minutes().find().sort("start"))
    starts = [row["start"] for row in rows]
    assert starts == [since + timedelta(minutes=number) for number in range(len(rows))]
    assert [row["archived"] for row in rows[:5]] == [1, 1, 1, 1, 0]
    assert (figure("accepted"), figure("missing")) == (4, 0)
    checked = figure("checked")
    assert checked == starts[-1].timestamp() + 60
    assert timedelta(seconds=90) <= now() - starts[-1] - timedelta(minutes=1) < timedelta(minutes=3)


def test_what_is_missing_is_told_until_it_is_back(watch):
    events = some_events(begin())
    gone = journal().find_one_and_delete({"_id": events[1].id})

    look(watch)
    missing = figure("missing")
    journal().insert_one(gone)
    look_again(watch)

    assert (missing, figure("missing")) == (1, 0)
    assert figure("accepted") == 4


def test_what_was_whole_is_looked_at_again_later(watch):
    events = some_events(begin())
    look(watch)
    journal().delete_one({"_id": events[2].id})
    look(watch)
    soon = figure("missing")

    look_again(watch)

    assert (soon, figure("missing")) == (0, 1)


def test_of_a_silent_source_no_minute_is_passed_over(keys, contacts):
    since = begin()
    some_events(since)
    lost = Peers(keys.signer("analytics"), {"contacts": NOBODY, "sales": contacts})
    found = Peers(keys.signer("analytics"), {"contacts": contacts})

    look(Watch(Sources(lost)))
    silent = minutes().count_documents({}), figure("checked")
    look(Watch(Sources(found)))
    lost.close()
    found.close()

    assert silent == (0, since.timestamp())
    assert (figure("accepted"), figure("missing")) == (4, 0)
    assert figure("checked") > silent[1]


def test_a_worker_that_was_away_for_hours_takes_them_up(watch):
    since = begin(timedelta(hours=5))
    some_events(since, 250)

    look(watch)

    assert figure("accepted") == 250
    assert minutes().count_documents({}) >= 5 * 60 - 3


def test_two_never_look_at_once(watch):
    watches().update_one({}, {"$set": {"ready": now()}})
    claim = claim_watch()

    assert claim
    assert not watch.look()
    assert not watched_until()[1]
