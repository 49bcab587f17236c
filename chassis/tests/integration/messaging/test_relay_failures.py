"""What a relay does when the broker will not take an event, goes away, or gives its bucket away."""

import signal
from datetime import datetime

import pytest

from crm_chassis.mongo import leases
from crm_chassis.relay.publisher import PIECE
from crm_chassis.testing.messages import Broker, an_event, commit, versions
from crm_chassis.testing.waiting import wait_until


def pending(database) -> int:
    return database["events"].count_documents({"pending": True})


@pytest.fixture
def own_broker(node):
    broker = Broker(node[0].uri)
    yield broker
    broker.close()


def test_an_event_that_no_queue_takes_stops_its_resource_only(log, broker, start_relay):
    queue = broker.queue("crm.contacts.contact.updated.*")
    unroutable = an_event("contacts/stopped", 1, type="crm.contacts.contact.renamed.v1")
    successor = an_event("contacts/stopped", 2)
    others = versions(subjects=30, each=3)
    relay = start_relay().ready()

    commit(log, unroutable, successor, *others)

    received = broker.take(queue, len(others))
    assert {event.id for event in received} == {event.id for event in others}
    wait_until(lambda: pending(log) == 2)
    assert relay.metric("crm_outbox_publish_failures_total", reason="returned") >= 1
    wait_until(lambda: relay.metric("crm_outbox_blocked_resources") == 1)

    broker.channel.queue_bind(queue, "crm.events", "crm.contacts.contact.renamed.*")

    assert broker.take(queue, 2) == [unroutable, successor]
    wait_until(lambda: relay.metric("crm_outbox_blocked_resources") == 0)


def test_a_row_that_somebody_broke_stops_its_resource_only(log, broker, start_relay):
    queue = broker.queue()
    broken, successor = an_event("contacts/broken", 1), an_event("contacts/broken", 2)
    others = versions(subjects=30, each=3)
    commit(log, broken, successor, *others)
    log["events"].update_one({"_id": broken.id}, {"$unset": {"salt": ""}})

    relay = start_relay().ready()

    received = broker.take(queue, len(others))
    assert {event.id for event in received} == {event.id for event in others}
    wait_until(lambda: relay.metric("crm_outbox_blocked_resources") == 1)
    assert relay.metric("crm_outbox_publish_failures_total", reason="unencodable") >= 1

    log["events"].update_one({"_id": broken.id}, {"$set": {"salt": broken.salt}})

    assert broker.take(queue, 2) == [broken, successor]


def test_with_no_queue_at_all_events_wait_for_the_first(log, broker, start_relay):
    relay = start_relay().ready()
    events = versions(subjects=700, each=2)
    commit(log, *events)
    wait_until(lambda: relay.metric("crm_outbox_blocked_resources") >= 500)

    queue = broker.queue()

    received = broker.take(queue, len(events))
    for subject in {event.subject for event in events}:
        assert [event.sequence for event in received if event.subject == subject] == [1, 2]


def test_a_relay_that_slept_through_its_lease_publishes_and_marks_no_more(log, broker, start_relay):
    queue = broker.queue()
    sleeper = start_relay(lease=1).ready()
    events = fallen_asleep_in_the_middle(log, broker, queue, sleeper)

    start_relay(lease=1)
    wait_until(lambda: pending(log) == 0, what="the successor's work")
    published, last = broker.ready(queue), last_mark(log)
    sleeper.running.send_signal(signal.SIGCONT)
    wait_until(lambda: len(holders(log)) == 2, what="the sleeper's new share")

    # What was at the socket when it fell asleep may still go; all of it was sent by the other too.
    assert broker.ready(queue) - published <= PIECE
    assert last_mark(log) == last
    wait_until(sleeper.is_ready, what="the sleeper to be of use again")
    seen: dict[str, int] = {}
    for event in broker.take(queue, len(events)):
        assert event.sequence <= seen.get(event.subject, 0) + 1
        seen[event.subject] = max(event.sequence, seen.get(event.subject, 0))


def fallen_asleep_in_the_middle(log, broker, queue, sleeper):
    """Let the relay fall asleep while it has something to publish; gives all that was to be."""
    events = []
    while not pending(log):
        sleeper.running.send_signal(signal.SIGCONT)
        published, more = broker.ready(queue), versions(subjects=1500, each=4)
        commit(log, *more)
        events += more
        wait_until(lambda so_far=published: broker.ready(queue) > so_far + 200)
        sleeper.running.send_signal(signal.SIGSTOP)
    return events


def holders(database) -> set[str]:
    buckets = database["leases"].find({"_id": {"$regex": "^relay/[0-9]+$"}, "owner": {"$ne": ""}})
    return {row["owner"] for row in buckets}


def last_mark(database) -> datetime:
    return max(row["published"] for row in database["events"].find())


def test_a_lease_that_ran_out_is_taken_with_a_higher_token_and_not_renewed(log):
    (held,) = leases.take(["relay/1"], "elsewhere/1.1", seconds=0.2)
    wait_until(lambda: not held.is_held)

    (taken,) = wait_until(lambda: leases.take(["relay/1"], "elsewhere/2.1"))

    assert taken.token == held.token + 1
    assert leases.renew([held], "elsewhere/1.1") == []
    assert leases.take(["relay/1"], "elsewhere/1.1") == []
    assert taken.is_held


def test_a_lease_of_a_process_that_ended_is_free_at_once(log):
    place = leases.this_process().partition("/")[0]
    assert leases.take(["relay/1"], f"{place}/1.0")

    (taken,) = leases.take(["relay/1"], leases.this_process())

    assert taken.is_held


def test_a_broker_that_takes_nothing_is_told_of_and_waited_for(log, node, own_broker, start_relay):
    queue = own_broker.queue()
    relay = start_relay(rabbit=node[0].uri, patience=2).ready()
    node[0].control("set_vm_memory_high_watermark", "0.00001")

    commit(log, *versions(subjects=10, each=2))
    wait_until(lambda: "takes nothing" in relay.answer("/readyz")[1])
    wait_until(lambda: relay.metric("crm_outbox_publish_failures_total", reason="timeout"))
    assert relay.answer("/livez")[0] == 200
    node[0].control("set_vm_memory_high_watermark", "0.4")

    wait_until(lambda: pending(log) == 0)
    assert relay.ready()
    assert {event.sequence for event in own_broker.take(queue, 20)} == {1, 2}


def test_a_broker_that_is_killed_loses_nothing_and_is_found_again(
    log, node, own_broker, start_relay
):
    queue = own_broker.queue()
    relay = start_relay(rabbit=node[0].uri).ready()
    events = versions(subjects=500, each=6)
    commit(log, *events[:2000])
    wait_until(lambda: own_broker.ready(queue) > 300)

    node[0].kill()
    commit(log, *events[2000:])
    wait_until(lambda: not relay.is_ready())
    node[0] = node[0].start_again()

    wait_until(lambda: pending(log) == 0)
    again = Broker(node[0].uri)
    received = again.take(queue, len(events))
    again.close()
    assert {event.id for event in received} == {event.id for event in events}
    assert relay.ready()


def test_a_database_that_is_killed_is_waited_for(own_log, broker, start_relay):
    queue, events = broker.queue(), versions(subjects=300, each=8)
    relay = start_relay(mongo=own_log[0].uri, lease=2).ready()
    commit(own_log[0].database, *events)
    wait_until(lambda: broker.ready(queue) > 100)

    own_log[0].kill()
    wait_until(lambda: relay.answer("/readyz")[0] == 503)
    assert relay.answer("/livez")[0] == 200
    own_log[0] = own_log[0].start_again()

    wait_until(lambda: pending(own_log[0].database) == 0)
    received = broker.take(queue, len(events))
    assert {event.id for event in received} == {event.id for event in events}
    assert relay.ready()
